import type { ClientSource } from '../../helpers/client-source.ts'
import type { RespClient } from '../../helpers/resp-client.ts'

const unescaped = (word: string): Buffer =>
  Buffer.from(
    word.replace(/\\x([0-9a-f]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  )

/** Members of a reply whose order is by chance. */
const sorted = (frame: string): string => frame.split('\r\n').sort().join('\r\n')

/**
 * A script of several clients: `A SUBSCRIBE a => A1` sends a command as A, and takes one frame that A gets.
 * Behind `~` frames come in no order. A word `$name` is one of `texts`. Answers what they got, line by line.
 */
export async function play(
  source: ClientSource,
  script: string,
  protocol: 2 | 3,
  texts: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const clients = new Map<string, RespClient>()
  const client = async (name: string): Promise<RespClient> => {
    if (!clients.has(name)) clients.set(name, await source.client(name === 'P' ? 2 : protocol))
    return clients.get(name)!
  }
  const wordOf = (word: string): string | Buffer =>
    word === '""' ? '' : word.startsWith('$') ? texts[word.slice(1)]! : unescaped(word)
  const shown: string[] = []
  for (const line of script.split('\n').map((each) => each.trim())) {
    if (line === '') continue
    const [, mark, name, command, expected] = /^(~?)(\w) (.*?) =>(.*)$/.exec(line)!
    ;(await client(name!)).send(...command!.split(' ').map(wordOf))
    const got: string[] = []
    for (const [, receiver, count] of expected!.matchAll(/([A-Z])(\d+)/g)) {
      const frames = await (await client(receiver!)).frames(Number(count))
      got.push(`${receiver}: ${(mark === '' ? frames : frames.map(sorted).sort()).join('')}`)
    }
    shown.push(`${command} => ${got.join(' ')}`)
  }
  for (const [name, each] of clients) shown.push(`${name} has ${each.pending} more`)
  return shown
}
