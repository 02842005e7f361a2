import { KvError } from '../../errors/errors.ts'
import { REFUSED_SUBCOMMANDS } from './refused.ts'
import { arityFits, type LeafRow, type Row } from './row.ts'
import { TABLE } from './table.ts'

/**
 * The row that answers a request. Absent means refused: throws Redis's error for an unknown command or subcommand or a wrong number of
 * arguments, and NOPERM with the reason for what is not offered.
 */
export function lookUp(args: readonly Buffer[]): Exclude<LeafRow, { kind: 'refused' }> {
  const name = args[0]!.toString('latin1').toLowerCase()
  const row = TABLE.get(name)
  if (row === undefined) throw new KvError('unknown_command', { command: args[0]! })
  if (row.kind === 'refused') throw notOffered(row.name, row.reason)
  if (row.kind !== 'container') return checked(row, args)
  if (args.length < 2) {
    if (row.bare === undefined) throw wrongArity(row)
    return { ...row, kind: 'connection', handle: row.bare }
  }
  const sub = args[1]!.toString('latin1').toLowerCase()
  const leaf = row.subcommands.get(sub)
  if (leaf === undefined) {
    const reason = REFUSED_SUBCOMMANDS[`${name}|${sub}`]
    if (reason !== undefined) throw notOffered(`${name}|${sub}`, reason)
    throw new KvError('unknown_subcommand', { subcommand: args[1]!, command: name.toUpperCase() })
  }
  if (leaf.kind === 'refused') throw notOffered(leaf.name, leaf.reason)
  return checked(leaf, args)
}

function checked<R extends Row>(row: R, args: readonly Buffer[]): R {
  if (!arityFits(row, args.length)) throw wrongArity(row)
  return row
}

const wrongArity = ({ name }: Row): KvError => new KvError('wrong_arity', { command: name })

const notOffered = (name: string, reason: string): KvError => new KvError('not_offered', { command: name, reason })
