import { Instance, Module } from './wasm.ts'

/**
 * The three C function types that Lua calls back: `lua_CFunction`, `lua_Hook`, and `lua_Alloc` (which
 * `lua_Writer` shares).
 */
const SIGNATURES = {
  function: { params: 1, results: 1 },
  hook: { params: 2, results: 0 },
  allocator: { params: 4, results: 1 },
} as const

export type Signature = keyof typeof SIGNATURES
const NAMES = Object.keys(SIGNATURES) as Signature[]

export interface Callback {
  readonly signature: Signature
  readonly run: (...args: number[]) => number | void
}

const I32 = 0x7f
const unsigned = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)])
const vector = (items: readonly number[][]): number[] => [...unsigned(items.length), ...items.flat()]
const section = (id: number, body: readonly number[]): number[] => [id, ...unsigned(body.length), ...body]
const text = (value: string): number[] => vector([...Buffer.from(value)].map((byte) => [byte]))

/**
 * JavaScript functions with a WebAssembly signature, so that they may stand in a function table: a module
 * that imports them and exports them again. (`WebAssembly.Function` would do it, but Node 20 has it behind a
 * flag.) Source: https://webassembly.github.io/spec/core/binary/modules.html
 */
export function withSignatures(callbacks: readonly Callback[]): unknown[] {
  const types = NAMES.map((name) => {
    const { params, results } = SIGNATURES[name]
    return [
      0x60,
      ...vector(Array.from({ length: params }, () => [I32])),
      ...vector(Array.from({ length: results }, () => [I32])),
    ]
  })
  const imports = callbacks.map(({ signature }, i) => [
    ...text('js'),
    ...text(`${i}`),
    0,
    NAMES.indexOf(signature),
  ])
  const exports = callbacks.map((_, i) => [...text(`${i}`), 0, ...unsigned(i)])
  const bytes = [
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, vector(types)),
    ...section(2, vector(imports)),
    ...section(7, vector(exports)),
  ]
  const js = Object.fromEntries(callbacks.map(({ run }, i) => [`${i}`, run]))
  const instance = new Instance(new Module(Uint8Array.from(bytes)), { js })
  return callbacks.map((_, i) => (instance.exports as Record<string, unknown>)[`${i}`])
}
