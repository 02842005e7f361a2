import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MUTATIONS } from './mutation-list.mjs'

test.each(MUTATIONS)('what $name breaks is still there', ({ edits }) => {
  for (const [file, from] of edits) {
    const occurrences = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').split(from).length - 1
    expect([file, from, occurrences]).toEqual([file, from, 1])
  }
})
