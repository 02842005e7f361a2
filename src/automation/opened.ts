/** What was sealed: bytes, or the text of a JSON document. */
export interface Opened {
  readonly bytes: Buffer
  readonly json: boolean
}
