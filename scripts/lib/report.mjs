import { readFileSync } from 'node:fs'

/**
 * Counts of a JSON report of vitest (https://vitest.dev/guide/reporters#json-reporter). A file that could not be loaded
 * counts as one failed test, since it has none to count.
 */
export const countsOf = (path) => {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests = 0, testResults } = JSON.parse(readFileSync(path, 'utf8'))
  const unloaded = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  return { passed: numPassedTests, failed: numFailedTests + unloaded.length, skipped: numPendingTests + numTodoTests }
}

export const lineOf = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`
