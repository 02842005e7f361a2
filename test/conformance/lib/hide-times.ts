import type { Hide } from './compare.ts'

const HIDDEN: readonly [RegExp, string][] = [
  // Moments in milliseconds: seen-time, and the last delivery in XINFO STREAM FULL.
  [/:1[6-9]\d{11}\r\n/g, ':<moment>\r\n'],
  // The idle time of XPENDING's entries, behind id and consumer.
  [/(\*4\r\n\$\d+\r\n\d+-\d+\r\n\$\d+\r\n[^\r]*\r\n):\d+\r\n/g, '$1:<idle>\r\n'],
  [/(\$4\r\nidle\r\n):\d+\r\n/g, '$1:<idle>\r\n'],
  // How the stream lies in memory: sealed entries are longer.
  [/(\$1[56]\r\nradix-tree-(?:keys|nodes)\r\n):\d+\r\n/g, '$1:<nodes>\r\n'],
]

export const hideTimes: Hide = (reply) =>
  Buffer.from(
    HIDDEN.reduce((text, [pattern, to]) => text.replace(pattern, to), reply.toString('latin1')),
    'latin1',
  )
