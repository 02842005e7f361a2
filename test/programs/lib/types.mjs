/**
 * A program built on Redis. `scenario` is a file or folder below `scenarios/`.
 * @typedef {object} Program
 * @property {string} id
 * @property {string} name
 * @property {'Node.js' | 'Python' | 'Go' | 'Java'} language
 * @property {string} scenario
 * @property {string[]} [packages] of the npm registry or PyPI, the first one is the program; the others
 *   languages have them in a file of their own beside the scenario
 * @property {Record<string, string>} [env]
 */

/** A check as a scenario tells it. @typedef {{ check: string, ms: number, error?: string }} Told */

/** @typedef {'ok' | 'fail' | 'refused'} Status `refused`: not offered here, and the server says so */
/** @typedef {{ check: string, status: Status, redisMs: number, ms: number, note?: string }} Result */

/**
 * A program's last run. It is as its worst check; without any check it did not run.
 * @typedef {object} Row
 * @property {string} id
 * @property {string} name
 * @property {string} language
 * @property {string} version
 * @property {string} date
 * @property {Result[]} checks
 */

export {}
