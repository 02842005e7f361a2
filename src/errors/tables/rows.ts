/** How loudly an answer is logged. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface ErrorRow<Resp extends string = string> {
  /** Prefix and text as sent after `-`. A part in braces, `{command}`, is filled in for each error. */
  readonly resp: Resp
  readonly status: number
  /** The `error` field of the HTTP body. */
  readonly http: string
  readonly level: LogLevel
  /** What a REST caller reads where the RESP text would not say it in its words. */
  readonly rest: string | undefined
  /** Only a command with its arguments can meet it, so that no REST request does. */
  readonly respOnly: boolean
}

interface Options {
  readonly level?: LogLevel
  readonly rest?: string
}

export const row = <const Resp extends string>(
  resp: Resp,
  status: number,
  http: string,
  { level = 'debug', rest }: Options = {},
): ErrorRow<Resp> => ({ resp, status, http, level, rest, respOnly: false })

/** What a command says to arguments that it does not take, or to being sent at the wrong moment. */
export const refusal = <const Resp extends string>(
  resp: Resp,
  status = 400,
  http = 'invalid_request',
  level: LogLevel = 'debug',
): ErrorRow<Resp> => ({ resp, status, http, level, rest: undefined, respOnly: true })

/** The names in braces of a text. */
export type PartNames<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PartNames<Rest>
  : never
