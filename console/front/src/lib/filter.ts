// What people type into a filter: words that must all occur, "!word" that must
// not, and "column:word" that must occur in that column.
import type { Row } from './table'

interface Term {
  word: string
  not: boolean
  column: number // -1: anywhere
}

const short: Record<string, string> = { ns: 'namespace', is: 'level' }

/** Parses query; a column that names does not have is a word like others. */
export function parse(query: string, names: string[]): Term[] {
  const terms: Term[] = []
  for (const part of query.toLowerCase().split(/\s+/)) {
    const not = part.startsWith('!')
    const rest = not ? part.slice(1) : part
    const colon = rest.indexOf(':')
    const name = rest.slice(0, Math.max(colon, 0))
    const column = colon > 0 ? names.indexOf(short[name] ?? name) : -1
    const word = column >= 0 ? rest.slice(colon + 1) : rest
    if (word !== '') terms.push({ word, not, column })
  }
  return terms
}

function matches(row: Row, terms: Term[]): boolean {
  for (const t of terms) {
    const text = t.column < 0 ? row.text : String(row.cells[t.column] ?? '').toLowerCase()
    if (text.includes(t.word) === t.not) return false
  }
  return true
}

export interface Order {
  column: number
  down: boolean
}

const severity: Record<string, number> = { wrong: 0, waiting: 1 }

/** The rows that query lets through, in order; those in trouble first where order is null. */
export function select(rows: Iterable<Row>, names: string[], query: string, order: Order | null): Row[] {
  const terms = parse(query, names)
  const out: Row[] = []
  for (const row of rows) if (matches(row, terms)) out.push(row)
  const level = names.indexOf('level')
  if (order) {
    const sign = order.down ? -1 : 1
    return out.sort((a, b) => sign * compare(a.cells[order.column], b.cells[order.column]) || compare(a.key, b.key))
  }
  const rank = (row: Row): number => severity[String(row.cells[level])] ?? 2
  return out.sort((a, b) => rank(a) - rank(b) || compare(a.key, b.key))
}

type Comparable = string | number | boolean | null | undefined

export function compare(a: Comparable, b: Comparable): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const x = String(a ?? '')
  const y = String(b ?? '')
  return x < y ? -1 : x > y ? 1 : 0
}

/** The namespace that query narrows the view to, or "". */
export function namespaceOf(query: string): string {
  return /(?:^|\s)(?:ns|namespace):([a-z0-9-]+)/.exec(query.toLowerCase())?.[1] ?? ''
}
