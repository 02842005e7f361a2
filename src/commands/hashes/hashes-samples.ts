import type { BackingReply } from '../../backing/backing.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import type { HashField } from '../../engine/plaintext/values.ts'
import { KvError } from '../../errors/errors.ts'
import { forEachInParts, mapInParts, type Parts } from '../../lib/parts.ts'
import { INT64_MAX } from '../../redis-semantics/integers.ts'
import type { Call } from '../../registry/context.ts'
import { data, FIRST_KEY, readsInParts } from '../../registry/row.ts'
import { PairsReply, type Reply } from '../../reply/reply.ts'
import { int64, word } from '../parsing/args.ts'
import { scanAll, scanOf } from '../parsing/members.ts'
import { randomCount, randomItem, randomItems } from '../parsing/random.ts'
import { parseScanOptions } from '../parsing/scan-options.ts'
import { openPairsInParts, openValue } from './hash-fields.ts'

/** Redis halves the range of counts that come with values. */
const MOST_WITH_VALUES = INT64_MAX / 2n

/** Undefined: one field's name alone. */
function sampleOptions(args: readonly Buffer[]): { count: number; withValues: boolean } | undefined {
  if (args[2] === undefined) return undefined
  const count = randomCount(args[2])
  const withValues = args.length > 3
  if (withValues && (args.length > 4 || word(args[3]) !== 'WITHVALUES')) throw new KvError('syntax')
  if (withValues && int64(args[2]) > MOST_WITH_VALUES) throw new KvError('out_of_range')
  return { count, withValues }
}

const withValue = ({ name, cell }: HashField): Buffer[] => [name, cell.bytes]

function hrandfield(db: Database, args: readonly Buffer[]): Reply {
  const options = sampleOptions(args)
  const fields = [...(db.hash(args[1]!)?.fields.values() ?? [])]
  if (options === undefined) return randomItem(fields)?.name ?? null
  const sample = randomItems(fields, options.count)
  return options.withValues ? new PairsReply(sample.flatMap(withValue)) : sample.map(({ name }) => name)
}

function* openSampleInParts(call: Call, raw: BackingReply): Parts<Reply> {
  const { sealer } = call.automation
  if (call.args.length === 2) return raw === null ? null : sealer.openField(raw as Buffer)
  return call.args.length === 3
    ? yield* mapInParts(raw as Buffer[], (field) => sealer.openField(field))
    : new PairsReply(yield* openPairsInParts(call, raw))
}

/** Within a transaction the whole hash is at hand: it is answered at once, as Redis does with a small one. */
function hscan(db: Database, args: readonly Buffer[]): Reply {
  const options = scanAll(args, () => db.hash(args[1]!))
  if (options === undefined) return ['0', []]
  const fields = [...db.hash(args[1]!)!.fields.values()]
  return ['0', fields.filter(({ name }) => options.matches(name)).flatMap(withValue)]
}

function* openScanInParts(call: Call, raw: BackingReply): Parts<Reply> {
  const [cursor, flat] = raw as [Buffer, Buffer[]]
  const { matches } = parseScanOptions(call.args, 3)
  const pairs: Buffer[] = []
  yield* forEachInParts(flat.length >> 1, (i) => {
    const field = call.automation.sealer.openField(flat[2 * i]!)
    if (matches(field)) pairs.push(field, openValue(call, field, flat[2 * i + 1]!)!)
  })
  return [cursor, pairs]
}

const group = 'hash'

export const HASH_SAMPLES = [
  data({
    name: 'hrandfield',
    arity: -2,
    flags: 'readonly',
    group,
    since: '6.2.0',
    keys: FIRST_KEY,
    syntax: 'key [count [WITHVALUES]]',
    summary: 'Returns fields of a hash at random.',
    complexity: 'O(N) in the number of fields returned',
    run: hrandfield,
    direct: readsInParts(({ automation, args }) => {
      sampleOptions(args)
      return ['HRANDFIELD', automation.key(args[1]!), ...args.slice(2)]
    }, openSampleInParts),
  }),
  data({
    name: 'hscan',
    arity: -3,
    flags: 'readonly',
    group,
    since: '2.8.0',
    keys: FIRST_KEY,
    syntax: 'key cursor [MATCH pattern] [COUNT count]',
    summary: 'Goes through the fields of a hash, some at each call.',
    complexity: 'O(1) a call, O(N) for all fields',
    run: hscan,
    direct: readsInParts(scanOf('HSCAN', 1), openScanInParts),
  }),
]
