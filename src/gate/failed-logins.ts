import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { KvError } from '../errors/errors.ts'

/** So many failures within the window cost an address nothing. */
const FREE_FAILURES = 10
const WINDOW_MS = 10_000
/** Beyond them, its attempts are made one after the other, so far apart. */
const PAUSE_MS = 100
/** Attempts of one address that may wait; more are refused at once. */
const MAX_WAITING = 20
/** Addresses that are remembered; the one that was longest quiet is forgotten. */
const MAX_ADDRESSES = 10_000

interface Peer {
  failures: number
  /** When the window began, in ms. */
  since: number
  /** When the last attempt that was given a turn may be made. */
  turnAt: number
  waiting: number
}

/**
 * What unknown tokens may cost: a signature is checked for each of them. An address from which too many bad
 * ones came is slowed down, then refused; others, and tokens that are known already, are not concerned.
 */
export class FailedLogins {
  private readonly peers = new LRUCache<string, Peer>({ max: MAX_ADDRESSES })

  /** Has a token verified in its turn. Rejects as `verify` does, or with `too_many_failed_logins`. */
  async attempt<T>(address: string | undefined, verify: () => Promise<T>): Promise<T> {
    const source = sourceOf(address ?? '')
    const peer = this.peers.get(source)
    if (peer !== undefined && this.isSlowed(peer)) await this.turn(peer)
    try {
      return await verify()
    } catch (error) {
      this.failed(source)
      throw error
    }
  }

  private isSlowed(peer: Peer): boolean {
    return peer.failures >= FREE_FAILURES && performance.now() - peer.since < WINDOW_MS
  }

  private async turn(peer: Peer): Promise<void> {
    if (peer.waiting >= MAX_WAITING) throw new KvError('too_many_failed_logins')
    const now = performance.now()
    peer.turnAt = Math.max(now, peer.turnAt + PAUSE_MS)
    peer.waiting++
    await delay(peer.turnAt - now)
    peer.waiting--
  }

  private failed(source: string): void {
    const now = performance.now()
    const peer = this.peers.get(source)
    if (peer === undefined) {
      this.peers.set(source, { failures: 1, since: now, turnAt: now, waiting: 0 })
      return
    }
    if (now - peer.since >= WINDOW_MS) {
      // Who goes on failing stays slow: only a quiet window is forgotten.
      peer.failures = peer.failures >= FREE_FAILURES && now - peer.since < 2 * WINDOW_MS ? FREE_FAILURES : 0
      peer.since = now
    }
    peer.failures++
  }
}

/** Who owns one IPv6 address mostly owns the /64 around it. */
function sourceOf(address: string): string {
  const bare = address.replace(/^\[|\]$/g, '')
  if (!bare.includes(':')) return bare
  if (bare.includes('.')) return bare.slice(bare.lastIndexOf(':') + 1)
  return `${bare.split('::')[0]!.split(':').slice(0, 4).join(':')}::/64`
}
