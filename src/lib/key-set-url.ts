const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Whether a key set may be fetched from there. RFC 7517 says nothing of the transport, but keys fetched in
 * the clear could be anyone's, who could then mint tokens: https, unless it stays on this machine.
 */
export const mayServeKeySet = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))
