import { type Part, printable } from './printable.ts'
import { ERRORS, type ErrorCode, type PartsOf, type PlainCode, type TemplateCode } from './table.ts'

type Parts = Readonly<Record<string, Part>>
type PartsFor<Code extends ErrorCode> = Readonly<Record<PartsOf<Code>, Part>>

/** Facts for the HTTP body (`expected_version`...); never a value. */
export type Detail = Readonly<Record<string, unknown>>

/** A code, with the parts of its text when that has some. */
export type ErrorText =
  | readonly [code: PlainCode]
  | { [Code in TemplateCode]: readonly [code: Code, parts: PartsFor<Code>, detail?: Detail] }[TemplateCode]

/** As ErrorText, or with what a REST caller reads instead of the row's own text (`value is not a list`). */
export type ErrorArguments = ErrorText | readonly [code: PlainCode, fact: string | undefined, detail?: Detail]

/** What has to be kept of an error to restore it. */
export interface KeptError {
  readonly code: ErrorCode
  readonly message: string
  readonly detail?: Detail | undefined
}

const fill = (code: ErrorCode, parts: Parts | undefined): string => {
  const { resp } = ERRORS[code]
  return parts === undefined
    ? resp
    : resp.replace(/\{(\w+)\}/g, (_, name: string) => printable(name, parts[name]!))
}

/** The text after `-`, prefix and all, for what is answered without an error being thrown. */
export const respText = (...[code, parts]: ErrorText): string => fill(code, parts)

/** The one error that crosses module borders. `message` is safe to show to its caller; it holds no value. */
export class KvError extends Error {
  readonly code: ErrorCode
  readonly detail: Detail | undefined

  constructor(...[code, more, detail]: ErrorArguments) {
    // What a caller makes happen says by its code where it comes from: its stack would cost a hundred times
    // what the rest does. `internal` is a fault of ours, and is looked for.
    const { stackTraceLimit } = Error
    if (code !== 'internal') Error.stackTraceLimit = 0
    super(typeof more === 'string' ? `${ERRORS[code].http}: ${more}` : fill(code, more))
    Error.stackTraceLimit = stackTraceLimit
    this.code = code
    this.detail = detail
  }

  /** An error as it was, from what was kept of it. */
  static restore({ code, message, detail }: KeptError): KvError {
    const error = new KvError(code as PlainCode, undefined, detail)
    error.message = message
    return error
  }

  /** The text after `-`. */
  get respText(): string {
    return this.fact === undefined ? this.message : `${ERRORS[this.code].resp}: ${this.message}`
  }

  /** The same without its prefix, to stand within another text. */
  get reason(): string {
    return this.respText.slice(this.respText.indexOf(' ') + 1)
  }

  /** What was said to a REST caller in place of the row's own text. */
  get fact(): string | undefined {
    const start = `${this.httpCode}: `
    return this.message.startsWith(start) ? this.message.slice(start.length) : undefined
  }

  /** The text for a REST caller. */
  get restText(): string {
    return this.fact ?? ERRORS[this.code].rest ?? this.message.replace(/^[A-Z]+ /, '')
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  get httpCode(): string {
    return ERRORS[this.code].http
  }
}
