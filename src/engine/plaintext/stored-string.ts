import type { Automation } from '../../automation/automation.ts'
import { locations } from '../../automation/location.ts'
import { isSketch } from '../../redis-semantics/hyperloglog.ts'
import { bytesOf, Cell, type Plain } from './cell.ts'

// A string lies sealed in the backing Redis, but for a HyperLogLog sketch, which Redis itself must read.
// Nothing vouches for that one: anyone who can write to the Redis can put a sketch in place of any string. So
// only what is a sketch without any fault is taken as one.

export const openStoredString = ({ sealer }: Automation, name: Buffer, stored: Buffer): Plain =>
  isSketch(stored) ? bytesOf(stored) : sealer.open(locations.string(name), stored)

export const stringCell = ({ sealer }: Automation, name: Buffer, stored: Buffer): Cell =>
  isSketch(stored) ? Cell.raw(stored) : Cell.stored(stored, locations.string(name), sealer)
