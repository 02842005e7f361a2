export interface Mutation {
  readonly name: string
  readonly what: string
  /** Those under which it must show. */
  readonly faults: string
  readonly edits: readonly (readonly [file: string, from: string, to: string])[]
}
export const MUTATIONS: readonly Mutation[]
