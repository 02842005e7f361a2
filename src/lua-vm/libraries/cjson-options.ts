/** What a script may set of cjson. */
export interface JsonOptions {
  sparseConvert: boolean
  sparseRatio: number
  sparseSafe: number
  encodeDepth: number
  decodeDepth: number
  precision: number
  keepBuffer: boolean
  encodeInvalid: boolean | 'null'
  decodeInvalid: boolean
}

export const jsonDefaults = (): JsonOptions => ({
  sparseConvert: false,
  sparseRatio: 2,
  sparseSafe: 10,
  encodeDepth: 1000,
  decodeDepth: 1000,
  precision: 14,
  keepBuffer: true,
  encodeInvalid: false,
  decodeInvalid: true,
})
