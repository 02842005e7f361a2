import type { Automation } from '../automation/automation.ts'
import type { Backing, BackingArg, BackingCallback, BackingReply, ScriptArg } from '../backing/backing.ts'
import type { BackingScript } from '../backing/scripts.ts'
import { Fifo } from '../lib/fifo.ts'
import { bytesOf, costOfReply, sizeOf, weightOf, weightOfScript } from './command-cost.ts'
import { IN_FLIGHT, type InFlight, type InFlightLimits, type Room } from './in-flight.ts'
import type { Line } from './line.ts'
import type { CommandSize } from './reply-sizes.ts'
import { RoomOfAll } from './room-of-all.ts'
import { Share, type Waiting } from './share.ts'
import { SharedLinks } from './shared-links.ts'
import type { Turns } from './turns.ts'

const nothing = (): void => {}

/**
 * The links to the backing Redis, shared. A link answers in order, so whoever has much on it holds up all who
 * ask behind him: an automation that begins to ask takes the link that has least to do, and stays there until
 * everything is answered. What each automation has on its way is bounded, and so is the sum; what is above
 * that waits here, in its order. Replies are handled in the automation's turns.
 */
export class SharedBacking implements Backing {
  private readonly links: SharedLinks
  private readonly turns: Turns
  private readonly limits: InFlightLimits
  private readonly shares = new WeakMap<Line, Share>()
  private readonly heldUp = new Fifo<Share>()
  private readonly all: RoomOfAll
  private lastAutomation: Automation | undefined
  private lastShare: Share | undefined

  /** Commands go over one or more `backings`, all of them before the same Redis. */
  constructor(backings: readonly Backing[], turns: Turns, limits: InFlightLimits = IN_FLIGHT) {
    this.links = new SharedLinks(backings)
    this.turns = turns
    this.limits = limits
    this.all = new RoomOfAll(limits)
  }

  connect(): Promise<void> {
    return this.links.connect()
  }

  get ready(): boolean {
    return this.links.ready
  }

  probe(done: (error: Error | null) => void): void {
    this.links.probe(done)
  }

  get version(): string {
    return this.links.version
  }

  onLoss(listener: () => void): void {
    this.links.onLoss(listener)
  }

  close(): Promise<void> {
    return this.links.close()
  }

  inFlight(automation: Automation): InFlight {
    const { commands, weight, bytes, waiting } = this.shareOf(automation)
    return { commands, weight, bytes, waiting: waiting.size }
  }

  /** What the connections of one automation have in common. */
  roomOf(line: Line): Room {
    const share = this.shareOfLine(line)
    return {
      isFree: () => share.isRoomy(this.limits),
      whenFree: (wanting) => {
        share.wanting.push(wanting)
        this.tell(share)
      },
    }
  }

  read(automation: Automation, command: readonly BackingArg[], done: BackingCallback): void {
    const share = this.shareOf(automation)
    const size = share.sizes.of(command[0] as string)
    const key = command[1]
    const weight = weightOf(command)
    const bytes = bytesOf(command) + share.sizes.expected(size, key, share.commands === 0)
    // What a closure would hold costs memory in every call, so the one that waits is made elsewhere.
    if (this.isFull(share, weight, bytes)) this.waitToRead(share, automation, command, weight, bytes, done)
    else {
      const end = this.begin(share, size, key, weight, bytes, done)
      share.link.backing.read(automation, command, end)
    }
  }

  private waitToRead(
    share: Share,
    automation: Automation,
    command: readonly BackingArg[],
    weight: number,
    bytes: number,
    done: BackingCallback,
  ): void {
    const size = share.sizes.of(command[0] as string)
    const send = (): void => {
      const end = this.begin(share, size, command[1], weight, bytes, done)
      share.link.backing.read(automation, command, end)
    }
    this.wait(share, { weight, bytes, send })
  }

  script(
    automation: Automation,
    script: BackingScript,
    writes: boolean,
    keysAndArgs: readonly ScriptArg[],
    done: BackingCallback,
  ): void {
    const share = this.shareOf(automation)
    const size = share.sizes.of(script.name)
    const weight = weightOfScript(keysAndArgs)
    const bytes = bytesOf(keysAndArgs) + share.sizes.expected(size, undefined, share.commands === 0)
    const send = (): void => {
      const end = this.begin(share, size, undefined, weight, bytes, done)
      share.link.backing.script(automation, script, writes, keysAndArgs, end)
    }
    if (this.isFull(share, weight, bytes)) this.wait(share, { weight, bytes, send })
    else send()
  }

  call(automation: Automation, command: readonly BackingArg[], acts = false): Promise<BackingReply> {
    const share = this.shareOf(automation)
    const weight = weightOf(command)
    const size = share.sizes.of(String(command[0]))
    const bytes = bytesOf(command) + share.sizes.expected(size, command[1], share.commands === 0)
    return new Promise((resolve, reject) => {
      const done: BackingCallback = (error, reply) => (error === null ? resolve(reply) : reject(error))
      const send = (): void => {
        const end = this.begin(share, size, command[1], weight, bytes, done)
        share.link.backing.call(automation, command, acts).then(
          (reply) => end(null, reply, sizeOf(reply)),
          (error: Error) => end(error, null),
        )
      }
      if (this.isFull(share, weight, bytes)) this.wait(share, { weight, bytes, send })
      else send()
    })
  }

  /** Long replies that are worked on count as if all that an automation may have were on its way. */
  hold(automation: Automation): () => void {
    const share = this.shareOf(automation)
    const { bytes } = this.limits
    share.holds++
    share.bytes += bytes
    this.all.count(0, bytes)
    share.line.holders++
    return () => {
      share.holds--
      share.bytes -= bytes
      this.all.count(0, -bytes)
      share.line.holders--
      this.freed(share)
    }
  }

  private shareOf(automation: Automation): Share {
    const { lastShare } = this
    if (automation === this.lastAutomation && lastShare?.line.isDropped === false) return lastShare
    const share = this.shareOfLine(this.turns.lineOf(automation.id))
    this.lastAutomation = automation
    this.lastShare = share
    return share
  }

  private shareOfLine(line: Line): Share {
    let share = this.shares.get(line)
    if (share === undefined) {
      share = new Share(line, this.links.quietest())
      this.shares.set(line, share)
    }
    return share
  }

  private isFull(share: Share, weight: number, bytes: number): boolean {
    if (share.waiting.size > 0 || !share.fits(this.limits, weight, bytes)) return true
    return !this.all.isSmall(share, weight, bytes) && (this.heldUp.size > 0 || !this.all.has(weight, bytes))
  }

  private wait(share: Share, waiting: Waiting): void {
    share.waiting.push(waiting)
    this.holdUpIfReady(share)
  }

  /** It waits for the replies of others only. */
  private holdUpIfReady(share: Share): void {
    const next = share.waiting.peek()
    if (next === undefined || share.isHeldUp || !share.fits(this.limits, next.weight, next.bytes)) return
    share.isHeldUp = true
    this.heldUp.push(share)
  }

  private begin(
    share: Share,
    size: CommandSize,
    key: BackingArg | undefined,
    weight: number,
    bytes: number,
    done: BackingCallback,
  ): BackingCallback {
    if (share.commands === 0) share.link = this.links.quietest()
    const { link } = share
    link.bytes += bytes
    const isSmall = this.all.isSmall(share, weight, bytes)
    share.commands++
    share.weight += weight
    share.bytes += bytes
    if (!isSmall) this.all.count(weight, bytes)
    // Held by what is on its way, so that the line is not dropped.
    share.line.holders++
    const isLong = bytes > this.limits.longBytes || weight > this.limits.longWeight
    const begun = isLong ? performance.now() : 0
    const freed = isLong ? () => this.freed(share) : nothing
    return (error, reply, received = 0) => {
      if (isLong && this.turns.hasOthers(share.line)) share.rest(begun, performance.now(), freed)
      link.bytes -= bytes
      share.commands--
      share.weight -= weight
      share.bytes -= bytes
      if (!isSmall) this.all.count(-weight, -bytes)
      share.line.holders--
      if (error === null) share.sizes.learn(size, key, costOfReply(reply, received))
      this.freed(share)
      if (this.turns.mayFinish(share.line)) done(error, reply, received)
      else this.turns.addReply(share.line, () => done(error, reply, received))
    }
  }

  /** Something of what was on its way is not any more. */
  private freed(share: Share): void {
    if (share.waiting.size > 0) this.sendWaiting(share)
    if (this.heldUp.size > 0) this.sendHeldUp()
    if (share.wanting.size > 0) this.tell(share)
  }

  private sendWaiting(share: Share): void {
    // Its place among those who wait for others comes first.
    if (share.isHeldUp) return
    let next = share.waiting.peek()
    while (next !== undefined && this.maySend(share, next)) {
      share.waiting.shift()
      next.send()
      next = share.waiting.peek()
    }
    this.holdUpIfReady(share)
  }

  private maySend(share: Share, { weight, bytes }: Waiting): boolean {
    if (!share.fits(this.limits, weight, bytes)) return false
    return this.all.isSmall(share, weight, bytes) || this.all.has(weight, bytes)
  }

  /** Room for all has become more: whoever waits for that, in the order in which they began to. */
  private sendHeldUp(): void {
    for (let share = this.heldUp.peek(); share !== undefined; share = this.heldUp.peek()) {
      const next = share.waiting.peek()
      // A large one that does not fit yet is not overtaken, or it would wait for ever.
      if (
        next !== undefined &&
        share.fits(this.limits, next.weight, next.bytes) &&
        !this.maySend(share, next)
      )
        return
      this.heldUp.shift()
      share.isHeldUp = false
      this.sendWaiting(share)
    }
  }

  /** One after the other, while there is room: each uses some of it. */
  private tell(share: Share): void {
    if (share.isTelling || !share.isRoomy(this.limits)) return
    const wanting = share.wanting.shift()
    if (wanting === undefined) return
    share.isTelling = true
    this.turns.addRequest(share.line, () => {
      share.isTelling = false
      try {
        wanting()
      } finally {
        this.tell(share)
      }
    })
  }
}
