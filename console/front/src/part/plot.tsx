// A small plot of one quantity over the last minutes.
import { useState } from 'preact/hooks'

export interface Point {
  time: number // ms
  value: number
}

const width = 240
const height = 56
const shortest = 60_000 // ms across the whole width, at least

/** The outline of points in a box of width x height; top is the value at its upper edge. */
export function outline(points: Point[], top: number): string {
  if (top <= 0) return ''
  return points
    .map((p, i) => {
      const x = place(points, p) * width
      const y = height - Math.min(p.value / top, 1) * (height - 3)
      return `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`
    })
    .join('')
}

/** How far from the left edge a point stands, as a share of the width. */
function place(points: Point[], at: Point): number {
  const newest = points.at(-1)?.time ?? 0
  const span = Math.max(newest - (points[0]?.time ?? 0), shortest)
  return 1 - (newest - at.time) / span
}

/** The index of the point nearest to a share of the width. */
export function nearest(points: Point[], share: number): number {
  let best = 0
  let least = Infinity
  points.forEach((p, i) => {
    const off = Math.abs(place(points, p) - share)
    if (off < least) {
      least = off
      best = i
    }
  })
  return best
}

interface Props {
  label: string
  points: Point[]
  second?: Point[] // a second line in the same scale
  top: number
  show: (value: number) => string
}

export function Plot({ label, points, second, top, show }: Props) {
  const [at, setAt] = useState<number | null>(null)
  const line = outline(points, top)
  const current = at === null ? undefined : points[at]
  const start = points[0] ? (place(points, points[0]) * width).toFixed(1) : 0
  const pick = (e: MouseEvent): void => {
    const box = (e.currentTarget as Element).getBoundingClientRect()
    setAt(nearest(points, (e.clientX - box.left) / Math.max(box.width, 1)))
  }
  return (
    <div class="plot" onMouseMove={pick} onMouseLeave={() => { setAt(null) }}>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={`${label}, last minutes`}>
        {line !== '' && points.length > 1 && (
          <>
            <path class="area" d={`${line}L${width} ${height}L${start} ${height}Z`} />
            <path class="line" d={line} />
            {second && <path class="line second" d={outline(second, top)} />}
          </>
        )}
        {current && <path class="cursor" d={`M${place(points, current) * width} 0V${height}`} />}
      </svg>
      {current && (
        <div class="tip">
          {show(current.value)}
          <span>{new Date(current.time).toLocaleTimeString([], { hour12: false })}</span>
        </div>
      )}
    </div>
  )
}

/** A bar of how much of something is used; it warns before it is full. */
export function Meter({ share, label }: { share: number; label: string }) {
  const tone = share > 0.92 ? 'bad' : share > 0.8 ? 'warn' : ''
  return (
    <div class="meter" role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)}>
      <div class={tone} style={{ width: `${Math.min(share, 1) * 100}%` }} />
    </div>
  )
}
