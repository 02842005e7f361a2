/**
 * What a command answers, before it becomes bytes. One value serves RESP2 and RESP3: `encode` picks the wire
 * form.
 *
 * | value            | RESP2                | RESP3          |
 * |------------------|----------------------|----------------|
 * | Buffer, string   | bulk string          | bulk string    |
 * | number, bigint   | integer              | integer        |
 * | boolean          | integer 1 or 0       | boolean        |
 * | null             | null bulk `$-1`      | null `_`       |
 * | NullArray        | null array `*-1`     | null `_`       |
 * | Reply[]          | array                | array          |
 * | SimpleString     | simple string        | simple string  |
 * | MapReply         | flat array           | map            |
 * | SetReply         | array                | set            |
 * | PairsReply       | flat array           | array of pairs |
 * | StreamsReply     | array of pairs       | map            |
 * | Double           | bulk string          | double         |
 * | BigNumber        | bulk string          | big number     |
 * | Verbatim         | bulk string          | verbatim       |
 * | PushReply        | array                | push           |
 * | ErrorReply       | error                | error          |
 * | MultiReply       | its parts in a row   | the same       |
 * | EncodedReply     | its bytes            | its bytes      |
 *
 * Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export type Reply =
  | Buffer
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly Reply[]
  | SimpleString
  | NullArray
  | MapReply
  | SetReply
  | PairsReply
  | StreamsReply
  | Double
  | BigNumber
  | Verbatim
  | PushReply
  | ErrorReply
  | MultiReply
  | EncodedReply

export class SimpleString {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** The null of a command whose reply is otherwise an array: RESP2 tells it from the null bulk. */
export class NullArray {
  private readonly kind = 'null-array'
  toString(): string {
    return this.kind
  }
}

/** `flat` holds key, value, key, value... */
export class MapReply {
  readonly flat: readonly Reply[]
  constructor(flat: readonly Reply[]) {
    this.flat = flat
  }
}

export class SetReply {
  readonly items: readonly Reply[]
  constructor(items: readonly Reply[]) {
    this.items = items
  }
}

/**
 * An ordered list of pairs, such as ZRANGE WITHSCORES: flat in RESP2, an array of two-element arrays in
 * RESP3.
 */
export class PairsReply {
  readonly flat: readonly Reply[]
  constructor(flat: readonly Reply[]) {
    this.flat = flat
  }
}

/**
 * What XREAD and XREADGROUP answer, key and entries in turn: an array of two-element arrays in RESP2, a map
 * in RESP3.
 */
export class StreamsReply {
  readonly flat: readonly Reply[]
  constructor(flat: readonly Reply[]) {
    this.flat = flat
  }
}

/** A floating point number; `text` is what Redis would print, so no digit is lost on the way. */
export class Double {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export class BigNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** `format` has exactly three characters (`txt`, `mkd`). */
export class Verbatim {
  readonly format: string
  readonly text: string
  constructor(format: string, text: string) {
    this.format = format
    this.text = text
  }
}

/** An out-of-band message (pub/sub, token about to expire): never an answer to a command. */
export class PushReply {
  readonly items: readonly Reply[]
  constructor(items: readonly Reply[]) {
    this.items = items
  }
}

/** `text` starts with its prefix (`ERR`, `WRONGTYPE`...); our own come from the table in `src/errors`. */
export class ErrorReply {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** What SUBSCRIBE answers: a message for each channel, and none around them. */
export class MultiReply {
  readonly parts: readonly Reply[]
  constructor(parts: readonly Reply[]) {
    this.parts = parts
  }
}

/**
 * A reply that has been encoded before, for the protocol of its connection: piece by piece, or on a thread.
 */
export class EncodedReply {
  readonly chunks: readonly Buffer[]
  constructor(chunks: readonly Buffer[]) {
    this.chunks = chunks
  }

  /** The text of an error, undefined for any other reply. */
  get errorText(): string | undefined {
    const [first] = this.chunks
    return first?.[0] === 0x2d ? first.toString('latin1', 1, first.indexOf(0x0d)) : undefined
  }
}

export const OK = new SimpleString('OK')
export const QUEUED = new SimpleString('QUEUED')
export const PONG = new SimpleString('PONG')
export const NULL_ARRAY = new NullArray()
