// A table of any length: only the rows in sight exist in the page.
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Order } from '../lib/filter'
import type { Row } from '../lib/table'
import { Icon } from './icon'

export const rowHeight = 36
const headHeight = 38 // stays at the top, above the rows
const spare = 8 // rows beyond the edges

export interface GridColumn {
  title: string
  column: number // in the row's cells
  end?: boolean // numbers stand at the end
  show: (row: Row) => ComponentChildren
}

/** The rows [from, to) that exist when scrolled so far in a window so high. */
export function inSight(scrolled: number, visible: number, rows: number): [from: number, to: number] {
  const from = Math.max(0, Math.floor(scrolled / rowHeight) - spare)
  return [from, Math.min(rows, Math.ceil((scrolled + visible) / rowHeight) + spare)]
}

interface Props {
  name: string // a class that gives the columns their widths
  label: string
  columns: GridColumn[]
  rows: Row[]
  order: Order | null
  onOrder: (order: Order | null) => void
  selected: string
  onSelect: (key: string) => void
  onOpen: (key: string) => void
  empty: ComponentChildren
}

export function Grid(p: Props) {
  const body = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, height: 600 })
  useLayoutEffect(() => {
    const element = body.current
    if (!element) return
    const measure = (): void => { setView({ top: element.scrollTop, height: element.clientHeight }) }
    const sizes = new ResizeObserver(measure)
    sizes.observe(element)
    measure()
    return () => { sizes.disconnect() }
  }, [])
  const place = p.rows.findIndex((r) => r.key === p.selected)
  useEffect(() => {
    const element = body.current
    if (!element || place < 0) return
    const top = place * rowHeight
    const bottom = top + rowHeight + headHeight - element.clientHeight
    if (top < element.scrollTop) element.scrollTop = top
    else if (bottom > element.scrollTop) element.scrollTop = bottom
  }, [p.selected])

  const [from, to] = inSight(view.top, view.height, p.rows.length)
  const move = (by: number): void => {
    const next = p.rows[Math.min(p.rows.length - 1, Math.max(0, place + by))]
    if (next) p.onSelect(next.key)
  }
  const page = Math.max(1, Math.floor(view.height / rowHeight) - 1)
  const moves: Record<string, number> = {
    j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: page, PageUp: -page, G: p.rows.length, End: p.rows.length, Home: -p.rows.length,
  }
  const press = (e: KeyboardEvent): void => {
    if (e.ctrlKey || e.metaKey || e.altKey) return
    const by = moves[e.key]
    if (by !== undefined) move(by)
    else if ((e.key === 'Enter' || e.key === 'o') && place >= 0) p.onOpen(p.selected)
    else return
    e.preventDefault()
    e.stopPropagation()
  }
  return (
    <div class={`grid ${p.name}`} role="grid" aria-label={p.label} aria-rowcount={p.rows.length + 1} aria-colcount={p.columns.length}
      tabIndex={0} onKeyDown={press} aria-activedescendant={place >= from && place < to ? `row-${place}` : undefined} data-grid>
      <div class="body" ref={body} onScroll={(e) => { setView({ top: e.currentTarget.scrollTop, height: e.currentTarget.clientHeight }) }}>
        <div class="head" role="row" aria-rowindex={1}>
          {p.columns.map((c) => <Head key={c.title} column={c} order={p.order} onOrder={p.onOrder} />)}
        </div>
        {p.rows.length === 0 && p.empty}
        <div class="all" role="presentation" style={{ height: `${p.rows.length * rowHeight}px` }}>
          <div role="presentation" style={{ transform: `translateY(${from * rowHeight}px)` }}>
            {p.rows.slice(from, to).map((row, i) => (
              <div key={row.key} id={`row-${from + i}`} role="row" aria-rowindex={from + i + 2} aria-selected={row.key === p.selected}
                class="row" onClick={() => { p.onSelect(row.key); p.onOpen(row.key) }}>
                {p.columns.map((c) => (
                  <div key={c.title} role="gridcell" class={c.end ? 'end' : ''}>{c.show(row)}</div>
                ))}
              </div>
            ))}
          </div>
        </div>
      </div>
    </div>
  )
}

function Head({ column, order, onOrder }: { column: GridColumn; order: Order | null; onOrder: Props['onOrder'] }) {
  const mine = order?.column === column.column
  const next = (): Order | null => {
    if (!mine) return { column: column.column, down: false }
    return order.down ? null : { column: column.column, down: true }
  }
  return (
    <div role="columnheader" class={column.end ? 'end' : ''} aria-sort={mine ? (order.down ? 'descending' : 'ascending') : 'none'}>
      <button type="button" onClick={() => { onOrder(next()) }} tabIndex={-1}>
        {column.title}
        {mine && <Icon name={order.down ? 'down' : 'up'} />}
      </button>
    </div>
  )
}
