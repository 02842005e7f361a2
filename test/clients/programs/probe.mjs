// What the programs in JavaScript share: how they tell the test what worked.
import { createInterface } from 'node:readline'

export const host = String(process.env.KV_HOST)
export const port = Number(process.env.KV_PORT)
export const token = String(process.env.KV_TOKEN)
export const url = `redis://:${token}@${host}:${port}`

/** @param {string[]} words */
export const tell = (...words) => process.stdout.write(`${words.join(' ').replaceAll('\n', ' ')}\n`)

/** @param {string} name @param {string} why */
export const none = (name, why) => tell('none', name, why)

/** @param {string} name @param {() => Promise<unknown>} check */
export const feature = async (name, check) => {
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('no end after 15 s')), 15_000)
  })
  try {
    await Promise.race([check(), late])
    tell('ok', name)
  } catch (error) {
    tell('fail', name, error instanceof Error ? `${error.name}: ${error.message}` : String(error))
  } finally {
    clearTimeout(timer)
  }
}

/** Asks the test to restart the server, and waits until it has. @returns {Promise<void>} */
export const restart = () =>
  new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin })
    lines.once('line', () => {
      lines.close()
      process.stdin.destroy()
      resolve()
    })
    tell('restart')
  })
