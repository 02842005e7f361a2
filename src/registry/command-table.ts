import { KvError } from '../errors/errors.ts'
import { LatestNames } from './latest-names.ts'
import { arityFits, type LeafRow, type Row } from './row.ts'

export type ServedRow = Exclude<LeafRow, { kind: 'refused' }>

/** All commands, served or refused. */
export class CommandTable {
  /** By their lower-case names. A Map has no prototype for a hostile name to reach. */
  readonly rows: ReadonlyMap<string, Row>
  private readonly refusedSubcommands: Readonly<Record<string, string>>
  private readonly latest = new LatestNames<ServedRow>()

  /** `refusedSubcommands`: `object|freq` -> the reason. */
  constructor(rows: readonly Row[], refusedSubcommands: Readonly<Record<string, string>>) {
    const byName = new Map<string, Row>()
    for (const row of rows) {
      if (byName.has(row.name)) throw new Error(`command ${row.name} has two rows`)
      byName.set(row.name, row)
    }
    this.rows = byName
    this.refusedSubcommands = refusedSubcommands
  }

  /**
   * The row that answers a request. Absent means refused: throws Redis's error for an unknown command or
   * subcommand or a wrong number of arguments, and NOPERM with the reason for what is not offered.
   */
  lookUp(args: readonly Buffer[]): ServedRow {
    const known = this.latest.of(args[0]!)
    if (known !== undefined) return checked(known, args)
    const name = args[0]!.toString('latin1').toLowerCase()
    const row = this.rows.get(name)
    if (row === undefined) throw new KvError('unknown_command', { command: args[0]! })
    if (row.kind === 'refused') throw notOffered(row.name, row.reason)
    if (row.kind !== 'container') {
      this.latest.keep(args[0]!, row)
      return checked(row, args)
    }
    if (args.length < 2) {
      if (row.bare === undefined) throw wrongArity(row)
      return { ...row, kind: 'connection', handle: row.bare }
    }
    const sub = args[1]!.toString('latin1').toLowerCase()
    const leaf = row.subcommands.get(sub)
    if (leaf === undefined) {
      const reason = this.refusedSubcommands[`${name}|${sub}`]
      if (reason !== undefined) throw notOffered(`${name}|${sub}`, reason)
      throw new KvError('unknown_subcommand', { subcommand: args[1]!, command: name.toUpperCase() })
    }
    if (leaf.kind === 'refused') throw notOffered(leaf.name, leaf.reason)
    return checked(leaf, args)
  }
}

function checked<R extends Row>(row: R, args: readonly Buffer[]): R {
  if (!arityFits(row, args.length)) throw wrongArity(row)
  return row
}

const wrongArity = (row: Row): KvError => refusalOf(row, new KvError('wrong_arity', { command: row.name }))

/** How a command is told that it cannot be run: a refused EXEC has ended the transaction. */
export const refusalOf = (row: Row, error: KvError): KvError =>
  row.kind === 'connection' && row.endsTransaction === true
    ? new KvError('exec_refused', { reason: error.reason })
    : error

const notOffered = (name: string, reason: string): KvError =>
  new KvError('not_offered', { command: name, reason })
