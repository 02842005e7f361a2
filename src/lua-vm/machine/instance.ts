import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { LuaApi } from './lua-api.ts'
import { Instance, Module, PAGE_BYTES, type WasmModule } from './wasm.ts'

let compiled: WasmModule | undefined

/**
 * Lua 5.1 as the package ships it; its JavaScript, which brings a file system and conversions that lose
 * bytes, is not used.
 */
function luaModule(): WasmModule {
  compiled ??= new Module(
    readFileSync(createRequire(import.meta.url).resolve('wasmoon-lua5.1/dist/liblua5.1.wasm')),
  )
  return compiled
}

/**
 * Thrown where C would longjmp; Emscripten's own value, which `invoke` tells from everything else by being a
 * number.
 */
const LONGJMP = Infinity

/**
 * A Lua library in a memory of its own. Its imports reach nothing of this process: no files, no environment,
 * no output. An exception of ours passes through all of its frames, `pcall` included, up to its caller.
 */
export function instantiateLua(maxBytes: number, grown: () => void): LuaApi {
  const refuse = (name: string) => () => {
    throw new Error(`Lua called ${name}`)
  }
  const imports: Record<string, Record<string, unknown>> = {}
  for (const { module, name } of Module.imports(luaModule())) (imports[module] ??= {})[name] = refuse(name)
  Object.assign(imports.wasi_snapshot_preview1!, {
    environ_sizes_get: (countAt: number, sizeAt: number) => {
      const words = new Uint32Array(api.memory.buffer)
      words[countAt >>> 2] = 0
      words[sizeAt >>> 2] = 0
      return 0
    },
    environ_get: () => 0,
  })
  const functions: Array<(a: number, b: number) => void> = []
  Object.assign(imports.env!, {
    emscripten_memcpy_js: (to: number, from: number, count: number) => {
      new Uint8Array(api.memory.buffer).copyWithin(to, from, from + count)
    },
    emscripten_resize_heap: (bytes: number) => {
      // Addresses are unsigned: wasm hands them over as signed integers.
      const wanted = bytes >>> 0
      if (wanted > maxBytes) return 0
      api.memory.grow(Math.ceil((wanted - api.memory.buffer.byteLength) / PAGE_BYTES))
      grown()
      return 1
    },
    emscripten_date_now: () => Date.now(),
    _emscripten_throw_longjmp: () => {
      throw LONGJMP
    },
    invoke_vii: (index: number, a: number, b: number) => {
      const stack = api.stackSave()
      try {
        ;(functions[index] ??= api.__indirect_function_table.get(index) as (a: number, b: number) => void)(
          a,
          b,
        )
      } catch (error) {
        if (typeof error !== 'number') throw error
        api.stackRestore(stack)
        api.setThrew(1, 0)
      }
    },
  })
  const api = new Instance(luaModule(), imports).exports as LuaApi
  api.emscripten_stack_init()
  api.__wasm_call_ctors()
  return api
}
