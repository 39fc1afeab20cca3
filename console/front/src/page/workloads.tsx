import { useMemo, useRef, useState } from 'preact/hooks'
import { namespaceOf, type Order, select } from '../lib/filter'
import { age, bytes, count } from '../lib/format'
import { nodes, pods, workloads } from '../lib/live'
import { refine, route } from '../lib/route'
import { useStore } from '../lib/store'
import type { Row, Table } from '../lib/table'
import { Command } from '../part/command'
import { Drawer, type Target } from '../part/drawer'
import { Grid, type GridColumn } from '../part/grid'
import { Icon } from '../part/icon'
import { Dot, Empty, Loading, toneOf, Trouble, useNow } from '../part/state'

type Kind = 'pods' | 'workloads' | 'nodes'
const titles: Record<Kind, string> = { pods: 'Pods', workloads: 'Workloads', nodes: 'Nodes' }

function kindOf(text: string | null): Kind {
  return text === 'workloads' || text === 'nodes' ? text : 'pods'
}

function commandOf(kind: Kind, query: string): string {
  if (kind === 'nodes') return 'garboard get nodes'
  const namespace = namespaceOf(query)
  const where = namespace === '' ? '-A' : `-n ${namespace}`
  return `garboard get ${kind === 'pods' ? 'pods' : 'deployments,statefulsets,daemonsets,jobs,cronjobs'} ${where}`
}

export function Workloads() {
  const at = useStore(route)
  const kind = kindOf(at.search.get('kind'))
  const query = at.search.get('q') ?? ''
  const open = at.search.get('open') ?? ''
  const tables: Record<Kind, Table> = { pods: useStore(pods), workloads: useStore(workloads), nodes: useStore(nodes) }
  const table = tables[kind]
  const [order, setOrder] = useState<Order | null>(null)
  const [selected, setSelected] = useState(open)
  const field = useRef<HTMLInputElement>(null)
  const rows = useMemo(() => select(table.rows.values(), table.names, query, order), [table, table.revision, query, order])
  const target = open === '' ? undefined : table.rows.get(open)
  const close = (): void => {
    refine({ open: '' })
    document.querySelector<HTMLElement>('[data-grid]')?.focus()
  }
  const press = (e: KeyboardEvent): void => {
    if (e.key !== 'Escape') return
    if (open !== '') close()
    else if (query !== '') refine({ q: '' })
  }
  const fieldPress = (e: KeyboardEvent): void => {
    if (e.key !== 'Enter' && e.key !== 'ArrowDown') return
    e.preventDefault()
    const first = rows[0]
    if (first) setSelected(first.key)
    document.querySelector<HTMLElement>('[data-grid]')?.focus()
  }
  return (
    <div class={target ? 'page workloads split' : 'page workloads'} onKeyDown={press}>
      <header>
        <div class="tabs" role="tablist" aria-label="What to list">
          {(Object.keys(titles) as Kind[]).map((k) => (
            <button key={k} type="button" role="tab" aria-selected={k === kind} onClick={() => { setOrder(null); refine({ kind: k, open: '', q: '' }) }}>
              {titles[k]} <small>{count(tables[k].total)}</small>
            </button>
          ))}
        </div>
        <Command line={commandOf(kind, query)} />
      </header>
      <div class="bar">
        <label class="filter">
          <Icon name="search" />
          <span class="unseen">Filter</span>
          <input ref={field} type="search" placeholder="Filter: words, ns:shop, is:wrong, !word" autocomplete="off" spellcheck={false} value={query}
            onInput={(e) => { refine({ q: e.currentTarget.value }) }} onKeyDown={fieldPress} />
          <kbd>/</kbd>
        </label>
        <button type="button" class="chip" aria-pressed={/\bis:wrong\b/.test(query)} onClick={() => { refine({ q: toggleWord(query, 'is:wrong') }) }}>Only what is wrong</button>
        <p class="count" role="status">{rows.length === table.rows.size ? `${count(rows.length)} ${kind}` : `${count(rows.length)} of ${count(table.rows.size)} ${kind}`}{!table.state.synced && table.total > 0 ? ', reading…' : ''}</p>
      </div>
      {table.state.problem && <Trouble text={table.state.problem} hint="What is shown may be old." />}
      <div class="content">
        <Grid name={kind} label={titles[kind]} columns={useColumns(kind, table)} rows={rows} order={order} onOrder={setOrder} selected={selected}
          onSelect={setSelected} onOpen={(key) => { refine({ open: key }) }}
          empty={!table.state.synced ? <Loading what={`the ${kind}`} /> : query === '' ? <Empty title={`There are no ${kind}`} /> : <Empty title="Nothing matches the filter">Escape clears it.</Empty>} />
        {target && <Drawer target={targetOf(kind, table, target)} reason={text(table, target, 'reason')} fix={text(table, target, 'fix')} onClose={close} />}
      </div>
    </div>
  )
}

function toggleWord(query: string, word: string): string {
  const words = query.split(/\s+/).filter((w) => w !== '')
  return (words.includes(word) ? words.filter((w) => w !== word) : [...words, word]).join(' ')
}

function text(t: Table, row: Row, name: string): string {
  const value = row.cells[t.column(name)]
  return value === null || value === undefined ? '' : String(value)
}

function targetOf(kind: Kind, t: Table, row: Row): Target {
  return {
    kind: kind === 'pods' ? 'Pod' : kind === 'nodes' ? 'Node' : text(t, row, 'kind'),
    namespace: kind === 'nodes' ? '' : text(t, row, 'namespace'),
    name: text(t, row, 'name'),
  }
}

function useColumns(kind: Kind, t: Table): GridColumn[] {
  const now = useNow()
  const plain = (title: string, name: string, end = false): GridColumn => ({ title, column: t.column(name), end, show: (r) => text(t, r, name) })
  const created: GridColumn = { title: 'Age', column: t.column('created'), end: true, show: (r) => age(now - Number(text(t, r, 'created'))) }
  const state = (title: string, name: string, word: (r: Row) => string): GridColumn => ({
    title, column: t.column(name), show: (r) => <Dot tone={toneOf(r.cells[t.column('level')])}>{word(r)}</Dot>,
  })
  const why: GridColumn = { title: 'Why', column: t.column('reason'), show: (r) => <span title={text(t, r, 'reason')}>{text(t, r, 'reason')}</span> }
  if (kind === 'pods') {
    return [plain('Namespace', 'namespace'), plain('Name', 'name'), state('Status', 'status', (r) => text(t, r, 'status')), plain('Ready', 'ready', true),
      plain('Restarts', 'restarts', true), created, plain('Node', 'node'), why]
  }
  if (kind === 'nodes') {
    return [plain('Name', 'name'), state('Status', 'status', (r) => text(t, r, 'status')), plain('Version', 'version'), plain('Cores', 'cpu', true),
      { title: 'Memory', column: t.column('memory'), end: true, show: (r) => bytes(Number(text(t, r, 'memory'))) }, plain('Pods', 'pods', true), created, why]
  }
  return [plain('Kind', 'kind'), plain('Namespace', 'namespace'), plain('Name', 'name'),
    state('Ready', 'ready', (r) => `${text(t, r, 'ready')}/${text(t, r, 'desired')}`), created, plain('Image', 'image'), why]
}
