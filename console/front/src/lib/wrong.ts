// What is wrong: every row that the server calls so, alike ones together.
import type { Status } from './live'
import { type Row, Table } from './table'

export interface Problem {
  title: string // what is in trouble, as "Deployment shop/web"
  reason: string
  fix: string
  count: number // how many objects share it
  link: string // where the console shows it; may be empty
}

function cell(t: Table, row: Row, name: string): string {
  const value = row.cells[t.column(name)]
  return value === null || value === undefined ? '' : String(value)
}

/** Pods of one owner with the same reason, but for names and numbers, are one problem. */
export function podProblems(t: Table): Problem[] {
  const groups = new Map<string, Problem>()
  const level = t.column('level')
  for (const row of t.rows.values()) {
    if (row.cells[level] !== 'wrong') continue
    const namespace = cell(t, row, 'namespace')
    const name = cell(t, row, 'name')
    const owner = cell(t, row, 'owner')
    const reason = cell(t, row, 'reason')
    const key = owner === '' ? row.key : `${namespace}/${owner}/${reason.replaceAll(name, '').replace(/\d+/g, '')}`
    const known = groups.get(key)
    if (known) {
      known.count++
      known.link = `/workloads?kind=pods&q=${encodeURIComponent(`ns:${namespace} owner:${owner} is:wrong`)}`
      continue
    }
    groups.set(key, {
      title: `Pod ${namespace}/${name}`, reason, fix: cell(t, row, 'fix'), count: 1,
      link: `/workloads?kind=pods&open=${encodeURIComponent(row.key)}`,
    })
  }
  return [...groups.values()]
}

export function rowProblems(t: Table, kind: string, title: (row: Row) => string): Problem[] {
  const out: Problem[] = []
  const level = t.column('level')
  for (const row of t.rows.values()) {
    if (row.cells[level] !== 'wrong') continue
    out.push({
      title: title(row), reason: cell(t, row, 'reason'), fix: cell(t, row, 'fix'), count: 1,
      link: `/workloads?kind=${kind}&open=${encodeURIComponent(row.key)}`,
    })
  }
  return out
}

export function platformProblems(status: Status | undefined): Problem[] {
  if (!status) return []
  const out: Problem[] = []
  if (status.failure) out.push({ title: `The platform is ${status.phase}`, reason: status.failure, fix: status.hint ?? '', count: 1, link: '/components' })
  for (const d of status.degraded ?? []) {
    out.push({ title: d.what, reason: d.why, fix: d.fix ?? '', count: 1, link: '/components' })
  }
  return out
}
