import type { RunWatch } from '../commands/scripting/scripts.ts'
import type { RunKind } from '../session/services.ts'

/** What shows which script a thread runs; both sides have it in memory that they share. */
export interface SharedBoard {
  /** See CELLS. */
  readonly cells: Int32Array
  /** When the script began, milliseconds since the epoch. */
  readonly began: Float64Array
}

/** `killed`: 1 when what runs is to end; `kind`: a place in KINDS; the command that runs it, by its job. */
const CELLS = { killed: 0, kind: 1, job: 2, command: 3 } as const
const KINDS: readonly (RunKind | undefined)[] = [undefined, 'script', 'function']

const newBoard = (): SharedBoard => ({
  cells: new Int32Array(new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT)),
  began: new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)),
})

/** The thread's side: tells what it runs, and sees that it is to end. */
export class RunBoard implements RunWatch {
  private readonly cells: Int32Array
  private readonly began: Float64Array
  private hasSeen = false

  constructor({ cells, began }: SharedBoard) {
    this.cells = cells
    this.began = began
  }

  /** What runs from now on is this command of a job. */
  at(job: number, command: number): void {
    Atomics.store(this.cells, CELLS.job, job)
    Atomics.store(this.cells, CELLS.command, command)
  }

  begins(kind: RunKind): void {
    this.began[0] = Date.now()
    this.hasSeen = false
    Atomics.store(this.cells, CELLS.killed, 0)
    Atomics.store(this.cells, CELLS.kind, KINDS.indexOf(kind))
  }

  /** What it did not see of its end, the main thread does. */
  ends(): void {
    if (this.hasSeen) Atomics.store(this.cells, CELLS.killed, 0)
    Atomics.store(this.cells, CELLS.kind, 0)
  }

  /** Asked again, it says so again: a script that is started anew for a costly function is to end, too. */
  isKilled(): boolean {
    this.hasSeen ||= Atomics.load(this.cells, CELLS.killed) === 1
    return this.hasSeen
  }
}

export interface Shown {
  readonly kind: RunKind
  readonly job: number
  readonly command: number
  readonly ms: number
}

/** The main thread's side. */
export class RunDisplay {
  readonly shared: SharedBoard = newBoard()

  get shown(): Shown | undefined {
    const { cells, began } = this.shared
    const kind = KINDS[Atomics.load(cells, CELLS.kind)]
    if (kind === undefined) return undefined
    const [job, command] = [Atomics.load(cells, CELLS.job), Atomics.load(cells, CELLS.command)]
    return { kind, job, command, ms: Math.max(0, Date.now() - began[0]!) }
  }

  /** What was to end has not seen it yet. */
  get isUnseen(): boolean {
    return Atomics.load(this.shared.cells, CELLS.killed) === 1
  }

  kill(): void {
    Atomics.store(this.shared.cells, CELLS.killed, 1)
  }
}
