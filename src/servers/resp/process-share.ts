import type { Room } from '../../fair-share/in-flight.ts'
import { type Line, STRANGERS, type Task } from '../../fair-share/line.ts'
import type { SharedBacking } from '../../fair-share/shared-backing.ts'
import type { Turns } from '../../fair-share/turns.ts'

/** Whose part of the process, and of what is on its way to the backing Redis, one connection uses. */
export class ProcessShare {
  private readonly turns: Turns
  private readonly backing: SharedBacking
  line: Line
  room: Room

  constructor(turns: Turns, backing: SharedBacking) {
    this.turns = turns
    this.backing = backing
    this.line = turns.lineOf(STRANGERS.resp)
    this.line.holders++
    this.room = backing.roomOf(this.line)
  }

  join(id: string): void {
    this.leave()
    this.line = this.turns.lineOf(id)
    this.line.holders++
    this.room = this.backing.roomOf(this.line)
  }

  leave(): void {
    this.line.holders--
  }

  /** Whether received requests may be worked on now; else they are to wait for their turn. */
  get mayStart(): boolean {
    return this.turns.mayStart(this.line)
  }

  addRequest(task: Task): void {
    this.turns.addRequest(this.line, task)
  }

  finish(task: Task): void {
    this.turns.finish(this.line, task)
  }
}
