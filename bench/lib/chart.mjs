// SVG as text: groups of bars, and small curves. Colours keep their contrast on white and are told apart by
// those who see fewer of them.
import { short } from './statistics.mjs'

const COLOURS = {
  ours: '#0072b2',
  redis: '#5f6368',
  pipe: '#9aa0a6',
  twemproxy: '#e69f00',
  naive: '#d55e00',
  'bare-http': '#c4c7cc',
  'bare-rest': '#9aa0a6',
  webdis: '#e69f00',
}
const FALLBACK = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00']
const FONT = 'font-family="system-ui, sans-serif"'

const escaped = (text) =>
  String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const text = (x, y, content, { size = 12, anchor = 'start', fill = '#202124', weight = 'normal' } = {}) =>
  `<text x="${x}" y="${y}" font-size="${size}" text-anchor="${anchor}" fill="${fill}" font-weight="${weight}" ${FONT}>` +
  `${escaped(content)}</text>`

const page = (width, height, title, parts) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">\n` +
  `<title>${escaped(title)}</title>\n<rect width="${width}" height="${height}" fill="#ffffff"/>\n${parts.join('\n')}\n</svg>\n`

/**
 * `groups`: [{ title, bars: [{ id, label, median, min, max }] }]; a bar is as long as its share of the
 * largest in its group.
 */
export const bars = (title, groups) => {
  const width = 900
  const left = 230
  const longest = 520
  const parts = [text(20, 30, title, { size: 17, weight: 'bold' })]
  let y = 50
  for (const group of groups) {
    y += 22
    parts.push(text(20, y, group.title, { size: 13, weight: 'bold' }))
    y += 6
    const most = Math.max(...group.bars.map(({ max }) => max))
    for (const { id, label, median, min, max } of group.bars) {
      const at = (value) => Math.round((left + (value / most) * longest) * 10) / 10
      parts.push(text(left - 8, y + 12, label, { anchor: 'end', weight: id === 'ours' ? 'bold' : 'normal' }))
      const length = Math.max(1, at(median) - left)
      parts.push(
        `<rect x="${left}" y="${y + 1}" width="${length}" height="14" fill="${COLOURS[id] ?? FALLBACK[0]}"/>`,
      )
      const whisker = `M${at(min)} ${y + 8}H${at(max)}M${at(min)} ${y + 4}v8M${at(max)} ${y + 4}v8`
      parts.push(`<path d="${whisker}" stroke="#202124" stroke-width="1"/>`)
      parts.push(text(at(max) + 8, y + 12, short(median), { fill: '#3c4043' }))
      y += 18
    }
  }
  return page(width, y + 20, title, parts)
}

const rounded = (x) =>
  x >= 1_000_000 ? `${Math.round(x / 1e6)}M` : x >= 1_000 ? `${Math.round(x / 1e3)}k` : x

const TICKS = 6
/** Some even numbers from 0 to `last`. @param {number} last */
const evenly = (last) => {
  const power = 10 ** Math.floor(Math.log10(last / TICKS))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => last / size <= TICKS) ?? last
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, index) =>
    Number((index * step).toPrecision(3)),
  )
}

/**
 * `panels`: [{ title, unit, lines: [{ label, points: [[x, y]...] }] }]; x is logarithmic, y starts at 0. With
 * `linear`, x starts at 0 and has many points, as time has; `xUnit` is then told.
 */
export const curves = (title, panels) => {
  const columns = 2
  const width = 900
  const cell = { width: 430, height: 240 }
  const plot = { left: 66, top: 46, width: 330, height: 130 }
  const parts = [text(20, 30, title, { size: 17, weight: 'bold' })]
  panels.forEach((panel, index) => {
    const x0 = 15 + (index % columns) * (cell.width + 10)
    const y0 = 40 + Math.floor(index / columns) * cell.height
    const points = panel.lines.flatMap((line) => line.points)
    const scale = panel.linear ? (x) => x : Math.log10
    const xs = points.map(([x]) => scale(x))
    const [low, high] = [panel.linear ? 0 : Math.min(...xs), Math.max(...xs)]
    const top = Math.max(...points.map(([, y]) => y)) * 1.1 || 1
    const atX = (x) =>
      Math.round((x0 + plot.left + ((scale(x) - low) / (high - low || 1)) * plot.width) * 10) / 10
    const atY = (y) => Math.round((y0 + plot.top + plot.height - (y / top) * plot.height) * 10) / 10
    const [bottom, right] = [y0 + plot.top + plot.height, x0 + plot.left + plot.width]
    parts.push(text(x0 + 8, y0 + 18, panel.title, { size: 13, weight: 'bold' }))
    parts.push(text(x0 + 8, y0 + 34, panel.unit, { size: 11, fill: '#5f6368' }))
    parts.push(
      `<path d="M${x0 + plot.left} ${y0 + plot.top}V${bottom}H${right}" fill="none" stroke="#9aa0a6"/>`,
    )
    for (const share of [0, 0.5, 1]) {
      parts.push(
        text(x0 + plot.left - 6, atY(top * share) + 4, short(top * share), {
          size: 10,
          anchor: 'end',
          fill: '#5f6368',
        }),
      )
    }
    for (const x of panel.linear ? evenly(high) : new Set(points.map(([value]) => value))) {
      parts.push(
        text(atX(x), bottom + 14, panel.linear ? `${x} ${panel.xUnit}` : rounded(x), {
          size: 10,
          anchor: 'middle',
          fill: '#5f6368',
        }),
      )
    }
    panel.lines.forEach((line, n) => {
      const colour = FALLBACK[n % FALLBACK.length]
      const path = line.points.map(([x, y]) => `${atX(x)},${atY(y)}`).join(' ')
      parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`)
      for (const [x, y] of panel.linear ? [] : line.points)
        parts.push(`<circle cx="${atX(x)}" cy="${atY(y)}" r="3" fill="${colour}"/>`)
      parts.push(
        `<rect x="${x0 + plot.left + n * 85}" y="${bottom + 24}" width="10" height="10" fill="${colour}"/>`,
      )
      parts.push(text(x0 + plot.left + n * 85 + 14, bottom + 33, line.label, { size: 11 }))
    })
  })
  return page(width, 50 + Math.ceil(panels.length / columns) * cell.height, title, parts)
}
