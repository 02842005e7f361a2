/** Binary-safe identity of a name, field or member, for use as a Map key. */
export const idOf = (bytes: Buffer): string => bytes.toString('latin1')
