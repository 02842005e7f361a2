import { Fifo } from '../lib/fifo.ts'
import type { Line } from './line.ts'
import { ReplySizes } from './reply-sizes.ts'
import type { SharedLink } from './shared-links.ts'

/** A command that waits to be sent. */
export interface Waiting {
  readonly weight: number
  readonly bytes: number
  readonly send: () => void
}

/** The commands of one automation, on their way and before it. */
export class Share {
  readonly line: Line
  /** Where they go while some are on their way: so they stay in order. */
  link: SharedLink
  readonly sizes = new ReplySizes()
  readonly waiting = new Fifo<Waiting>()
  /** Those who want to send more when there is room. */
  readonly wanting = new Fifo<() => void>()
  commands = 0
  /** Long replies that are worked on. */
  holds = 0
  weight = 0
  bytes = 0
  isTelling = false
  /** It waits for others' replies. */
  isHeldUp = false

  constructor(line: Line, link: SharedLink) {
    this.line = line
    this.link = link
  }
}
