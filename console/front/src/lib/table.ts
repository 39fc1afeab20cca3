// The browser's copy of a live table. The server sends pages of rows by column
// and later the rows that changed; see the package console/table.

export type Cell = string | number | boolean | null
export interface Dictionary {
  values: string[]
  index: number[]
}
export interface State {
  synced: boolean
  problem?: string
}
export interface Message {
  reset?: boolean
  total: number
  state?: State
  names?: string[]
  keys?: string[]
  columns?: (Cell[] | Dictionary)[]
  gone?: string[]
}

export interface Row {
  key: string
  cells: Cell[]
  text: string // what a filter looks in, in lower case
  round: number
}

export class Table {
  readonly rows = new Map<string, Row>()
  names: string[] = []
  state: State = { synced: false }
  total = 0
  revision = 0 // grows with every message
  private round = 0 // counts pictures from the beginning: what is left of the one before is dropped

  apply(m: Message): void {
    this.revision++
    if (m.names) {
      this.names = m.names
      this.round++
    }
    this.total = m.total
    if (m.keys && m.columns) this.put(m.keys, m.columns.map(expand))
    for (const key of m.gone ?? []) this.rows.delete(key)
    if (m.state) {
      this.state = m.state
      this.dropOld()
    }
  }

  private put(keys: string[], columns: Cell[][]): void {
    keys.forEach((key, i) => {
      const cells = columns.map((c) => c[i] ?? null)
      this.rows.set(key, { key, cells, text: haystack(cells), round: this.round })
    })
  }

  private dropOld(): void {
    for (const row of this.rows.values()) if (row.round !== this.round) this.rows.delete(row.key)
  }

  column(name: string): number {
    return this.names.indexOf(name)
  }
}

function expand(column: Cell[] | Dictionary): Cell[] {
  if (Array.isArray(column)) return column
  return column.index.map((i) => column.values[i] ?? null)
}

function haystack(cells: Cell[]): string {
  let text = ''
  for (const c of cells) if (typeof c === 'string' && c !== '') text += c + '\n'
  return text.toLowerCase()
}
