/**
 * What a process tells the others through the backing Redis (keys that its clients wait for, channels that
 * they listen to) is believed for `lastsMs` and renewed every `renewMs`: what a dead process leaves behind is
 * gone in that time. Milliseconds.
 */
export const LIVENESS = { lastsMs: 9_000, renewMs: 3_000 } as const
