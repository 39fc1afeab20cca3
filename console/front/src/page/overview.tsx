import { age, bytes, count, duration, percent, plural } from '../lib/format'
import { compare } from '../lib/filter'
import { type Component, events, machine, nodes, platform, pods, type Sample, workloads } from '../lib/live'
import type { Session } from '../lib/session'
import { useStore } from '../lib/store'
import type { Row, Table } from '../lib/table'
import type { Problem } from '../lib/wrong'
import { sentence } from '../lib/prose'
import { Command, Fix } from '../part/command'
import { Icon } from '../part/icon'
import { Meter, Plot, type Point } from '../part/plot'
import { Dot, Empty, Loading, type Tone, toneOf, Trouble, useNow } from '../part/state'
import { componentTone } from './components'
import { problems } from './problems'

export function Overview({ who }: { who: Session }) {
  const samples = useStore(machine)
  const last = samples.at(-1)
  return (
    <div class="page overview">
      <header>
        <div>
          <h1>{who.own ? (last?.host ?? 'This machine') : who.cluster}</h1>
          <p>{last ? `Linux ${last.kernel}, up ${duration(last.uptime)}, ${plural(last.cores, 'core')}` : who.own ? 'Reading the machine…' : 'Another cluster: its machines are below Workloads, Nodes'}</p>
        </div>
        <Command line="garboard status" />
      </header>
      <Wrong />
      {who.own && <Machine samples={samples} />}
      <div class="pair">
        {who.own ? <ComponentList /> : <NodeList />}
        <WorkloadSummary />
      </div>
      <EventStream />
    </div>
  )
}

const problemsShown = 8

function Wrong() {
  const table = useStore(pods)
  useStore(platform)
  useStore(workloads)
  useStore(nodes)
  const all = problems()
  const ready = table.state.synced
  if (table.state.problem) return <Trouble text={table.state.problem} hint="May this account list them? garboard kubectl auth can-i --list shows it." />
  if (all.length === 0) {
    return (
      <section class="panel well" aria-label="What is wrong">
        <span class="seal" aria-hidden="true"><Icon name="done" /></span>
        <div>
          <h2>{ready ? 'Nothing is wrong' : 'Looking for trouble…'}</h2>
          <p>{!ready ? `${count(table.rows.size)} of ${count(table.total)} pods read.` : table.rows.size === 0 ? 'The platform is ready for work.' : `${plural(table.rows.size, 'pod')} in ${plural(workloads.value.rows.size, 'workload')}: each does what it should.`}</p>
        </div>
      </section>
    )
  }
  return (
    <section class="panel wrong" aria-label="What is wrong">
      <h2>What is wrong <em>{count(all.length)}</em></h2>
      <ul>{all.slice(0, problemsShown).map((p) => <Item key={p.title + p.reason} problem={p} />)}</ul>
      {all.length > problemsShown && <a class="more" href="/workloads?kind=pods&q=is:wrong">and {plural(all.length - problemsShown, 'more', 'more')}</a>}
    </section>
  )
}

function Item({ problem: p }: { problem: Problem }) {
  return (
    <li>
      <div class="what">
        <Dot tone="bad"><a href={p.link}>{p.title}</a></Dot>
        {p.count > 1 && <p>and {plural(p.count - 1, 'other')} like it</p>}
      </div>
      <p>{sentence(p.reason)}.</p>
      {p.fix !== '' && <p class="fix"><Fix text={p.fix} /></p>}
    </li>
  )
}

function Machine({ samples }: { samples: Sample[] }) {
  const last = samples.at(-1)
  const points = (of: (s: Sample) => number): Point[] => samples.map((s) => ({ time: Date.parse(s.time), value: of(s) }))
  if (!last) return <div class="gauges">{['Processor', 'Memory', 'Disk', 'Network'].map((t) => <section class="panel gauge" key={t}><h2>{t}</h2><Loading what="it" /></section>)}</div>
  const received = points((s) => s.received)
  const sent = points((s) => s.sent)
  const peak = Math.max(10 * 1024, ...received.map((p) => p.value), ...sent.map((p) => p.value)) * 1.15
  const disk = last.diskUsed / Math.max(last.disk, 1)
  return (
    <div class="gauges">
      <section class="panel gauge">
        <h2>Processor</h2>
        <p class="figure">{percent(last.cpu)}<small>load {last.load.toFixed(2)}</small></p>
        <Plot label="Processor" points={points((s) => s.cpu)} top={1} show={percent} />
      </section>
      <section class="panel gauge">
        <h2>Memory</h2>
        <p class="figure">{bytes(last.memoryUsed)}<small>of {bytes(last.memory)}</small></p>
        <Plot label="Memory" points={points((s) => s.memoryUsed)} top={last.memory} show={bytes} />
      </section>
      <section class="panel gauge">
        <h2>Disk</h2>
        <p class="figure">{percent(disk)}<small>{bytes(last.disk - last.diskUsed)} free of {bytes(last.disk)}</small></p>
        <Meter share={disk} label="Disk used" />
      </section>
      <section class="panel gauge">
        <h2>Network</h2>
        <p class="figure">{bytes(last.received)}/s<small>in, {bytes(last.sent)}/s out</small></p>
        <Plot label="Network" points={received} second={sent} top={peak} show={(v) => `${bytes(v)}/s in`} />
      </section>
    </div>
  )
}

function ComponentList() {
  const status = useStore(platform)?.now
  const all = [...(status?.components ?? [])].sort((a, b) => compare(a.name, b.name))
  const memory = all.reduce((n, c) => n + (c.pssBytes ?? 0), 0)
  return (
    <section class="panel">
      <h2><a href="/components">Components</a>{status && <small>{status.phase}, {bytes(memory)}</small>}</h2>
      {!status && <Loading what="the components" />}
      {status?.failure && <Trouble text={status.failure} hint={status.hint ?? ''} />}
      <ul class="tiles">{all.map((c) => <Tile key={c.name} c={c} />)}</ul>
    </section>
  )
}

function Tile({ c }: { c: Component }) {
  return (
    <li title={c.reason ?? ''}>
      <Dot tone={componentTone(c)}>{c.name}</Dot>
      <span>{c.pssBytes ? bytes(c.pssBytes) : c.onDemand ? 'on demand' : c.state}</span>
    </li>
  )
}

function NodeList() {
  const table = useStore(nodes)
  const cell = (row: Row, name: string): string => String(row.cells[table.column(name)] ?? '')
  return (
    <section class="panel">
      <h2><a href="/workloads?kind=nodes">Nodes</a><small>{count(table.rows.size)}</small></h2>
      {!table.state.synced && <Loading what="the nodes" />}
      <ul class="tiles">
        {[...table.rows.values()].slice(0, 12).map((row) => (
          <li key={row.key}><Dot tone={toneOf(row.cells[table.column('level')])}>{row.key}</Dot><span>{cell(row, 'version')}</span></li>
        ))}
      </ul>
    </section>
  )
}

const tones: { level: string; tone: Tone; word: string }[] = [
  { level: '', tone: 'ok', word: 'well' }, { level: 'waiting', tone: 'warn', word: 'starting or stopping' }, { level: 'wrong', tone: 'bad', word: 'wrong' },
]

function WorkloadSummary() {
  const pod = useStore(pods)
  const work = useStore(workloads)
  const levels = tally(pod, 'level')
  const kinds = [...tally(work, 'kind')].sort((a, b) => b[1] - a[1])
  const total = Math.max(pod.rows.size, 1)
  return (
    <section class="panel">
      <h2><a href="/workloads">Workloads</a><small>{plural(pod.total, 'pod')}</small></h2>
      {!pod.state.synced && pod.rows.size === 0 && <Loading what="the pods" />}
      {pod.state.synced && pod.total === 0 && <Empty title="Nothing runs yet"><Fix text="Ship something: garboard apply -f DIR" /></Empty>}
      {pod.rows.size > 0 && (
        <>
          <div class="stack" role="img" aria-label={tones.map((t) => `${count(levels.get(t.level) ?? 0)} ${t.word}`).join(', ')}>
            {tones.map((t) => <i key={t.level} class={t.tone} style={{ flexGrow: (levels.get(t.level) ?? 0) / total }} />)}
          </div>
          <ul class="legend">
            {tones.map((t) => <li key={t.level}><Dot tone={t.tone}>{count(levels.get(t.level) ?? 0)} {t.word}</Dot></li>)}
          </ul>
        </>
      )}
      <ul class="tiles">
        {kinds.map(([kind, n]) => <li key={kind}><a href={`/workloads?kind=workloads&q=kind:${kind.toLowerCase()}`}>{kind}</a><span>{count(n)}</span></li>)}
      </ul>
    </section>
  )
}

function tally(t: Table, name: string): Map<string, number> {
  const out = new Map<string, number>()
  const column = t.column(name)
  for (const row of t.rows.values()) {
    const value = String(row.cells[column] ?? '')
    out.set(value, (out.get(value) ?? 0) + 1)
  }
  return out
}

const eventsShown = 12

function EventStream() {
  const table = useStore(events)
  const now = useNow()
  const last = table.column('last')
  const newest = [...table.rows.values()].sort((a, b) => compare(b.cells[last], a.cells[last])).slice(0, eventsShown)
  const cell = (row: Row, name: string): string => String(row.cells[table.column(name)] ?? '')
  return (
    <section class="panel events">
      <h2>Events<Command quiet line="garboard get events -A --watch" /></h2>
      {table.state.problem && <Trouble text={table.state.problem} />}
      {!table.state.synced && newest.length === 0 && !table.state.problem && <Loading what="the events" />}
      {table.state.synced && newest.length === 0 && <Empty title="It is quiet">Kubernetes keeps events for an hour; there are none.</Empty>}
      <ol>
        {newest.map((row) => (
          <li key={row.key}>
            <time>{age(now - Number(row.cells[last]))}</time>
            <Dot tone={cell(row, 'type') === 'Normal' ? 'off' : 'warn'}>{cell(row, 'cause')}</Dot>
            <span class="object">{cell(row, 'kind')} {cell(row, 'namespace')}/{cell(row, 'name')}</span>
            <span class="text">{cell(row, 'message')}{Number(row.cells[table.column('count')]) > 1 && ` (${cell(row, 'count')} ×)`}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}
