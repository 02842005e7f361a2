import { readFileSync } from 'node:fs'

/**
 * @typedef {object} Report
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} [numTodoTests]
 * @property {{ status: string, assertionResults: { status: string }[] }[]} testResults one for each file
 */

/**
 * Counts of a JSON report of vitest (https://vitest.dev/guide/reporters#json-reporter). A file that could not
 * be loaded counts as one failed test, since it has none to count.
 * @param {string} path
 */
export const countsOf = (path) => {
  /** @type {Report} */
  const report = JSON.parse(readFileSync(path, 'utf8'))
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests = 0, testResults } = report
  const unloaded = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  return {
    passed: numPassedTests,
    failed: numFailedTests + unloaded.length,
    skipped: numPendingTests + numTodoTests,
  }
}

/** @param {{ passed: number, failed: number, skipped: number }} counts */
export const lineOf = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`
