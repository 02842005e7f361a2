/**
 * C's `%.<precision>g` of a finite number, with at most 17 digits. Source:
 * https://en.cppreference.com/w/c/io/fprintf
 */
export function formatGeneral(value: number, precision: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  if (Number.isInteger(value) && Math.abs(value) < 1e15 && Math.abs(value) < 10 ** precision)
    return String(value)
  const [mantissa = '', power = '0'] = toExponential(value, precision - 1).split('e')
  const sign = mantissa.startsWith('-') ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '').replace(/0+$/, '')
  const exponent = Number(power)
  if (exponent < -4 || exponent >= precision) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
    return `${sign}${digits[0] as string}${fraction}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  const fraction = digits.slice(exponent + 1)
  return (
    sign + digits.slice(0, exponent + 1).padEnd(exponent + 1, '0') + (fraction === '' ? '' : `.${fraction}`)
  )
}

/** Ties go to the even digit as in C, where JavaScript goes away from zero. */
function toExponential(value: number, fractionDigits: number): string {
  const away = value.toExponential(fractionDigits)
  // One more digit is a 5 in every tie; the exact digits take longer.
  if (!value.toExponential(fractionDigits + 1).includes('5e')) return away
  const exact = value.toExponential(Math.min(100, fractionDigits + 60))
  const [digits = '', power = '0'] = exact.split('e')
  const point = digits.indexOf('.') + 1
  const kept = digits.slice(0, point + fractionDigits)
  if (!/^50*$/.test(digits.slice(point + fractionDigits)) || Number(kept.at(-1)) % 2 === 1) return away
  return `${kept.replace(/\.$/, '')}e${power}`
}
