/** The longest delay that setTimeout takes: a longer one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1
