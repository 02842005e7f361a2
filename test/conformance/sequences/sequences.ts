import fc from 'fast-check'
import { MIXTURES } from './families/index.ts'
import { calledBy } from './families/scripting.ts'
import type { Protocol } from './server-pair.ts'
import { type Command, KEYS } from './words.ts'

export interface Step {
  readonly on: 'main' | 'other'
  readonly args: Command
  /** Its reply is awaited before the next request is sent. */
  readonly wait: boolean
}

const shown = (arg: Buffer): string =>
  /^[\w*+.:()[\]-]{1,40}$/.test(arg.toString('latin1'))
    ? arg.toString()
    : JSON.stringify(arg.toString('latin1'))

export const showCommand = (args: Command): string => args.map(shown).join(' ')

export const showStep = ({ on, args, wait }: Step): string =>
  `${on === 'other' ? '(other) ' : ''}${showCommand(args)}${wait ? '' : '   ...'}`

export class Sequence {
  readonly protocol: Protocol
  readonly steps: readonly Step[]

  constructor(protocol: Protocol, steps: readonly Step[]) {
    this.protocol = protocol
    this.steps = steps
  }

  [fc.toStringMethod](): string {
    return `RESP${this.protocol}\n${this.steps.map(showStep).join('\n')}\n`
  }
}

const words = (...texts: string[]): Command => texts.map((text) => Buffer.from(text, 'latin1'))

/** A pop at random leaves another set on each side; only alone it can be evened out. */
function certain(args: Command): Command {
  const called = calledBy(args)
  if (!/^spop$/i.test(called[0]?.toString('latin1') ?? '')) return args
  return [...args.slice(0, args.length - called.length), ...called.slice(0, 2), Buffer.from('100')]
}

const stepOf = (args: Command, wait = true, on: Step['on'] = 'main'): Step => ({ on, args, wait })

const array = <T>(item: fc.Arbitrary<T>, minLength: number, maxLength: number): fc.Arbitrary<T[]> =>
  fc.array(item, { minLength, maxLength, size: 'max' })

const mostlyNone = <T>(item: fc.Arbitrary<T>, weight: number): fc.Arbitrary<T[]> =>
  fc.oneof({ weight, arbitrary: array(item, 0, 0) }, { weight: 1, arbitrary: array(item, 1, 2) })

const keyName = fc.constantFrom(...KEYS.slice(0, 4))

/** Commands of a transaction that are not on data. */
const queuedToo = fc.constantFrom(
  words('PING'),
  words('ECHO', 'x'),
  words('MULTI'),
  words('WATCH', 'a'),
  words('UNWATCH'),
  words('NOSUCH'),
  words('GET'),
  words('SELECT', '0'),
)

/**
 * To WATCH a change of a consumer group is a change of the stream, and a string that BITFIELD made longer has
 * changed even when all its writes failed; Redis 7.0 tells the watchers of neither.
 */
const changesUnnoticed = (args: Command): boolean =>
  args.some((arg) => /^(xgroup|xreadgroup|xack|xclaim|xautoclaim|bitfield)$/i.test(arg.toString('latin1')))

function transactionOf(command: fc.Arbitrary<Command>): fc.Arbitrary<Step[]> {
  return fc
    .record({
      watched: mostlyNone(keyName, 2),
      between: mostlyNone(fc.tuple(fc.constantFrom<Step['on']>('main', 'other'), command), 2),
      queued: array(fc.oneof({ weight: 20, arbitrary: command }, { weight: 1, arbitrary: queuedToo }), 0, 10),
      during: mostlyNone(command, 3),
      end: fc.oneof(
        { weight: 9, arbitrary: fc.constant('EXEC') },
        { weight: 1, arbitrary: fc.constant('DISCARD') },
      ),
      wait: fc.boolean(),
    })
    .filter(
      ({ watched, between, during }) =>
        watched.length === 0 || ![...between.map(([, args]) => args), ...during].some(changesUnnoticed),
    )
    .map(({ watched, between, queued, during, end, wait }) => [
      ...(watched.length > 0 ? [stepOf(words('WATCH', ...watched), wait)] : []),
      ...between.map(([on, args]) => stepOf(certain(args), wait, on)),
      stepOf(words('MULTI'), wait),
      ...queued.map((args) => stepOf(certain(args), wait)),
      ...during.map((args) => stepOf(certain(args), true, 'other')),
      stepOf(words(end)),
    ])
}

function blockOf(command: fc.Arbitrary<Command>): fc.Arbitrary<Step[]> {
  const single = command.map((args) => [stepOf(args)])
  const pipeline = array(command, 1, 12).map((all) =>
    all.map((args, i) => stepOf(certain(args), i === all.length - 1)),
  )
  const stray = fc.constantFrom('EXEC', 'DISCARD', 'UNWATCH').map((name) => [stepOf(words(name))])
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 50, arbitrary: single },
    { weight: 10, arbitrary: pipeline },
    { weight: 12, arbitrary: transactionOf(command) },
    { weight: 5, arbitrary: command.map((args) => [stepOf(certain(args), true, 'other')]) },
    { weight: 1, arbitrary: stray },
  )
}

const MOST_STEPS = 40

export const sequences: fc.Arbitrary<Sequence> = fc
  .tuple(
    fc.constantFrom<Protocol>(2, 3),
    fc.oneof(...MIXTURES.map((command) => array(blockOf(command), 1, 24))),
  )
  .map(([protocol, blocks]) => new Sequence(protocol, blocks.flat().slice(0, MOST_STEPS)))
