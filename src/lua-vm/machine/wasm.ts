/**
 * The part of the WebAssembly interface that is used here; the ES2023 library of TypeScript does not describe
 * it.
 */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

export interface WasmTable {
  readonly length: number
  get(index: number): unknown
  set(index: number, value: unknown): void
  grow(count: number): number
}

export interface WasmModule {
  readonly brand?: 'module'
}

interface Wasm {
  readonly Module: {
    new (bytes: Uint8Array): WasmModule
    imports(module: WasmModule): Array<{ module: string; name: string }>
  }
  readonly Instance: new (
    module: WasmModule,
    imports: Record<string, Record<string, unknown>>,
  ) => { readonly exports: unknown }
}

export const { Module, Instance } = (globalThis as unknown as { WebAssembly: Wasm }).WebAssembly

export const PAGE_BYTES = 65_536
