/**
 * Is there an order of the operations, in which each takes effect at one moment between its call and its
 * return, that the sequential model allows? The search is that of J. M. Wing and C. Gong, "Testing and
 * Verifying Concurrent Objects" (J. Parallel Distrib. Comput. 17, 1993), with the memory of visited
 * configurations of G. Lowe, "Testing for linearizability" (Concurrency Comput.: Pract. Exper. 29, 2017), as
 * in Knossos and Porcupine.
 */
export interface Operation<Input, Output> {
  readonly input: Input
  /** Undefined: unknown; it took effect at any moment after the call, or never. */
  readonly output: Output | undefined
  readonly call: number
  /** Infinity when the outcome is unknown. */
  readonly return: number
}

export interface Model<State, Input, Output> {
  readonly initial: State
  /**
   * The state after `input`, or undefined when it cannot have been answered with `output`. Any answer will do
   * when that is undefined.
   */
  step(state: State, input: Input, output: Output | undefined): State | undefined
  /** Equal for equal states. */
  key(state: State): string
}

export type Verdict = 'linearizable' | 'violation' | 'undecided'

interface Entry {
  readonly operation: number
  /** The return entry of a call; undefined in a return, and for an operation that never returned. */
  match: Entry | undefined
  readonly isCall: boolean
  previous: Entry | undefined
  next: Entry | undefined
}

const MAX_STEPS = 5_000_000

export function check<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
): Verdict {
  const head = entriesOf(history)
  let open = history.filter((operation) => operation.return !== Infinity).length
  const done = new Bits(history.length)
  const visited = new Set<string>()
  const path: Array<{ readonly entry: Entry; readonly before: State }> = []
  let state = model.initial
  let entry = head.next
  for (let steps = 0; open > 0; steps++) {
    if (steps > MAX_STEPS) return 'undecided'
    if (entry?.isCall) {
      const { input, output, return: returned } = history[entry.operation]!
      const after = model.step(state, input, output)
      done.flip(entry.operation)
      if (after !== undefined && isNew(visited, `${done.text()}${model.key(after)}`)) {
        path.push({ entry, before: state })
        state = after
        if (returned !== Infinity) open--
        lift(entry)
        entry = head.next
        continue
      }
      done.flip(entry.operation)
      entry = entry.next
      continue
    }
    // A return of something that did not take effect, or the end: the latest choice was wrong.
    const last = path.pop()
    if (last === undefined) return 'violation'
    state = last.before
    done.flip(last.entry.operation)
    if (history[last.entry.operation]!.return !== Infinity) open++
    unlift(last.entry)
    entry = last.entry.next
  }
  return 'linearizable'
}

const isNew = (visited: Set<string>, configuration: string): boolean => {
  const { size } = visited
  return visited.add(configuration).size > size
}

/**
 * Calls and returns in the order of time, behind a head; at the same moment calls come first, since those
 * operations overlap.
 */
function entriesOf(history: readonly Operation<unknown, unknown>[]): Entry {
  const timed = history.flatMap((operation, i) => {
    const call: Entry = { operation: i, match: undefined, isCall: true, previous: undefined, next: undefined }
    if (operation.return === Infinity) return [{ time: operation.call, entry: call }]
    const back: Entry = {
      operation: i,
      match: undefined,
      isCall: false,
      previous: undefined,
      next: undefined,
    }
    call.match = back
    return [
      { time: operation.call, entry: call },
      { time: operation.return, entry: back },
    ]
  })
  timed.sort((a, b) => a.time - b.time || Number(b.entry.isCall) - Number(a.entry.isCall))
  const head: Entry = { operation: -1, match: undefined, isCall: false, previous: undefined, next: undefined }
  let last = head
  for (const { entry } of timed) {
    last.next = entry
    entry.previous = last
    last = entry
  }
  return head
}

/**
 * Takes an operation out of the list, so that `unlift` can put it back: the entries keep their own
 * neighbours.
 */
function lift(entry: Entry): void {
  for (const each of [entry, entry.match]) {
    if (each === undefined) continue
    each.previous!.next = each.next
    if (each.next !== undefined) each.next.previous = each.previous
  }
}

function unlift(entry: Entry): void {
  for (const each of [entry.match, entry]) {
    if (each === undefined) continue
    each.previous!.next = each
    if (each.next !== undefined) each.next.previous = each
  }
}

class Bits {
  private readonly words: Uint16Array

  constructor(size: number) {
    this.words = new Uint16Array(Math.ceil(size / 16))
  }

  flip(i: number): void {
    this.words[i >> 4]! ^= 1 << (i & 15)
  }

  text(): string {
    return String.fromCharCode(...this.words)
  }
}
