const SYNTAX = /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?$/

/** `2h`, `30m`, `90s`, `1d`, `1h30m` to seconds. */
export const parseDuration = (text: string): number => {
  const parts = SYNTAX.exec(text)
  if (text === '' || parts === null) {
    throw new Error(
      'invalid duration: write days, hours, minutes and seconds in this order, such as 1d, 2h, 1h30m or 90s',
    )
  }
  const [days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
  ]
  const total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
  if (total === 0) throw new Error('invalid duration: it must be longer than zero')
  return total
}
