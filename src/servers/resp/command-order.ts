import { OTHER_FORMS } from '../../commands/execution/execute.ts'
import type { ServedRow } from '../../registry/command-table.ts'

/** What a command does to the direct list commands behind it. */
export type ListAccess = 'none' | 'read' | 'write'

/**
 * The commands of one connection that are under way, and what may start beside them. Invariant: a request
 * sees the effect of those before it.
 *
 * Requests start as early as order allows. Direct commands go to the one backing link in order, so they may
 * overlap; a computed command takes several round trips, so direct ones behind it wait; a direct list command
 * may turn out to be a computed one (on a document that is an array), so others wait for a list write, and
 * other writes wait for a list read.
 */
export class CommandOrder {
  private count = 0
  private computing = 0
  /** Direct list commands under way. */
  private listReads = 0
  private listWrites = 0
  private exclusive = false
  /** Commands that were started so far, and the last of them that was no direct write. */
  private started = 0
  private lastOther = 0

  get inFlight(): number {
    return this.count
  }

  /** One is under way that holds back everything: whether the next is allowed at all may depend on it. */
  get held(): boolean {
    return this.exclusive
  }

  get isComputing(): boolean {
    return this.computing > 0
  }

  /** Of the command that was started last; the next has the next. */
  get ordinal(): number {
    return this.started
  }

  /**
   * Whether a direct write that was not made may be computed in its place: what was started behind it are
   * writes of its kind, which were not made either.
   */
  readonly mayStillCompute = (ordinal: number): boolean => this.lastOther <= ordinal

  /** `computesWrites`: also what is otherwise a direct write. */
  mayStart(row: ServedRow, computesWrites = false): boolean {
    if (row.kind === 'data' && row.blocking !== undefined) return this.count === 0
    if (row.kind === 'connection' && row.computes !== true) {
      if (row.afterWrites === true) return this.computing === 0 && this.listWrites === 0
      return row.exclusive !== true || this.count === 0
    }
    if (listAccess(row) === 'none') {
      if (this.listWrites > 0) return false
      // A script may write, and has no flag that says so.
      if (this.listReads > 0 && (row.kind === 'connection' || !row.flags.includes('readonly'))) return false
    }
    return (
      this.computing === 0 ||
      row.kind === 'connection' ||
      (row.kind === 'data' && (row.direct === undefined || (computesWrites && isDirectWrite(row))))
    )
  }

  /** `exclusive`: nothing starts until it has ended. Its end is told with what this returns. */
  begin(row: ServedRow, exclusive: boolean): ListAccess {
    const access = listAccess(row)
    this.count++
    this.started++
    if (!isDirectWrite(row)) this.lastOther = this.started
    this.exclusive = exclusive
    if (access === 'read') this.listReads++
    else if (access === 'write') this.listWrites++
    return access
  }

  end(access: ListAccess): void {
    if (access === 'read') this.listReads--
    else if (access === 'write') this.listWrites--
    this.count--
    if (this.count === 0) this.exclusive = false
  }

  /**
   * Around the time in which a command that is under way takes more than one round trip. `inPlace`: one that
   * `mayStillCompute`.
   */
  readonly computingStarts = (inPlace = false): void => {
    this.computing++
    if (!inPlace) this.lastOther = this.started
  }

  readonly computingEnds = (): void => void this.computing--
}

const isDirectWrite = (row: ServedRow): boolean =>
  row.kind === 'data' && row.direct !== undefined && 'write' in row.direct && row.blocking === undefined

/** Of a list command, or one on a sketch, that is sent directly and may yet have to be computed. */
function listAccess(row: ServedRow): ListAccess {
  if (row.kind !== 'data' || row.direct === undefined || !OTHER_FORMS.includes(row.group)) return 'none'
  return row.flags.includes('write') ? 'write' : 'read'
}
