import type { Model } from './linearizability.ts'

/**
 * What the commands of both doors come down to, one name for each effect. `output` is as RESP2 has it: text,
 * number or null.
 */
export interface Input {
  readonly op: string
  readonly value?: string | undefined
}
export type Output = string | number | null | readonly string[]

type Step<State> = (state: State, value: string, output: Output | undefined) => State | undefined

const modelOf = <State>(
  initial: State,
  key: (state: State) => string,
  steps: Record<string, Step<State>>,
): Model<State, Input, Output> => ({
  initial,
  key,
  step: (state, { op, value = '' }, output) => steps[op]!(state, value, output),
})

/** Whether a model's answer is the one that was given; every answer is, when it is unknown. */
const is = (expected: Output, output: Output | undefined): boolean =>
  output === undefined || output === expected

type Text = string | null

export const REGISTER = modelOf<Text>(null, (state) => state ?? '\0', {
  read: (state, _, output) => (is(state, output) ? state : undefined),
  write: (_, value) => value,
  create: (state, value, output) => (is(state === null ? 'OK' : null, output) ? (state ?? value) : undefined),
  append: (state, value, output) =>
    is((state ?? '').length + value.length, output) ? (state ?? '') + value : undefined,
  swap: (state, value, output) => (is(state, output) ? value : undefined),
  remove: (state, _, output) => (is(state === null ? 0 : 1, output) ? null : undefined),
})

export const COUNTER = modelOf<number>(0, String, {
  read: (state, _, output) => (is(state, output) ? state : undefined),
  add: (state, value, output) => (is(state + Number(value), output) ? state + Number(value) : undefined),
})

type List = readonly string[]

export const LIST = modelOf<List>([], (state) => state.join(), {
  read: (state, _, output) =>
    output === undefined || (output as List).join() === state.join() ? state : undefined,
  length: (state, _, output) => (is(state.length, output) ? state : undefined),
  pushRight: (state, value, output) => (is(state.length + 1, output) ? [...state, value] : undefined),
  pushLeft: (state, value, output) => (is(state.length + 1, output) ? [value, ...state] : undefined),
  popLeft: (state, _, output) => (is(state[0] ?? null, output) ? state.slice(1) : undefined),
  popRight: (state, _, output) => (is(state.at(-1) ?? null, output) ? state.slice(0, -1) : undefined),
})

/** Its members in order. */
export const SET = modelOf<List>([], (state) => state.join(), {
  read: (state, _, output) =>
    output === undefined || [...(output as List)].sort().join() === state.join() ? state : undefined,
  has: (state, value, output) => (is(state.includes(value) ? 1 : 0, output) ? state : undefined),
  add: (state, value, output) => {
    const known = state.includes(value)
    if (!is(known ? 0 : 1, output)) return undefined
    return known ? state : [...state, value].sort()
  },
  remove: (state, value, output) => {
    const known = state.includes(value)
    if (!is(known ? 1 : 0, output)) return undefined
    return known ? state.filter((member) => member !== value) : state
  },
})
