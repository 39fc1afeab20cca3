// One object, whole: what it says of itself, its events, its log, its YAML.
import { useEffect, useRef, useState } from 'preact/hooks'
import { age, plural } from '../lib/format'
import { readLines } from '../lib/live'
import { Failure, get, request } from '../lib/session'
import { pieces } from '../lib/yaml'
import { Command } from './command'
import { Icon } from './icon'
import { Dot, Empty, Loading, type Tone, Trouble, useNow } from './state'

export interface Target {
  kind: string
  namespace: string
  name: string
}
interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  lastTransitionTime?: string
}
interface Container {
  name: string
  image: string
  init?: boolean
  state: string
  detail?: string
  ready: boolean
  restarts: number
}
interface Detail extends Target {
  conditions: Condition[] | null
  containers: Container[] | null
  events: { type: string; cause: string; message: string; count: number; last: string }[] | null
  yaml: string
  reason: string
  fix: string
}
type Tab = 'summary' | 'logs' | 'yaml'

const refreshEvery = 5000

export function Drawer({ target, reason, fix, onClose }: { target: Target; reason: string; fix: string; onClose: () => void }) {
  const [detail, setDetail] = useState<Detail | null>(null)
  const [failure, setFailure] = useState<Failure | null>(null)
  const [tab, setTab] = useState<Tab>('summary')
  const where = target.namespace === '' ? '' : ` -n ${target.namespace}`
  useEffect(() => {
    const control = new AbortController()
    const load = (): void => {
      const query = new URLSearchParams({ kind: target.kind, namespace: target.namespace, name: target.name })
      get<Detail>(`/api/app/object?${query.toString()}`, control.signal).then(
        (d) => { setDetail(d); setFailure(null) },
        (cause: unknown) => { if (cause instanceof Failure) setFailure(cause) },
      )
    }
    load()
    const timer = setInterval(load, refreshEvery)
    return () => { control.abort(); clearInterval(timer) }
  }, [target.kind, target.namespace, target.name])

  const kind = target.kind.toLowerCase()
  const commands: Record<Tab, string> = {
    summary: `garboard describe ${kind} ${target.name}${where}`,
    logs: `garboard logs -f ${target.name}${where}`,
    yaml: `garboard get ${kind} ${target.name}${where} -o yaml`,
  }
  const tabs: Tab[] = target.kind === 'Pod' ? ['summary', 'logs', 'yaml'] : ['summary', 'yaml']
  return (
    <aside class="drawer" aria-label={`${target.kind} ${target.name}`}>
      <header>
        <div>
          <p class="kind">{target.kind}{target.namespace !== '' && <> in {target.namespace}</>}</p>
          <h2>{target.name}</h2>
        </div>
        <button type="button" class="plain" aria-label="Close" title="Close (Escape)" onClick={onClose}><Icon name="close" /></button>
      </header>
      <div class="tabs" role="tablist">
        {tabs.map((t) => (
          <button key={t} type="button" role="tab" aria-selected={t === tab} onClick={() => { setTab(t) }}>{t === 'yaml' ? 'YAML' : t.charAt(0).toUpperCase() + t.slice(1)}</button>
        ))}
      </div>
      <Command line={commands[tab]} />
      {failure && <Trouble text={failure.message} hint={failure.hint} />}
      {!detail && !failure && <Loading what={target.name} />}
      {detail && tab === 'summary' && <Summary detail={detail} reason={detail.reason || reason} fix={detail.reason ? detail.fix : fix} />}
      {detail && tab === 'logs' && <Logs detail={detail} />}
      {detail && tab === 'yaml' && <Yaml text={detail.yaml} />}
    </aside>
  )
}

function Summary({ detail, reason, fix }: { detail: Detail; reason: string; fix: string }) {
  const now = useNow()
  const since = (time?: string): string => (time ? age(now - Date.parse(time) / 1000) : '')
  return (
    <div class="scroll" tabIndex={0}>
      {reason !== '' && <Trouble text={reason} hint={fix} />}
      {detail.containers && detail.containers.length > 0 && (
        <section>
          <h3>Containers</h3>
          {detail.containers.map((c) => (
            <div class="item" key={c.name}>
              <Dot tone={containerTone(c)}>{c.name}</Dot>
              <span class="muted">{c.init ? 'init, ' : ''}{c.state}{c.detail ? `: ${c.detail}` : ''}{c.restarts > 0 ? `, ${plural(c.restarts, 'restart')}` : ''}</span>
              <code>{c.image}</code>
            </div>
          ))}
        </section>
      )}
      {detail.conditions && detail.conditions.length > 0 && (
        <section>
          <h3>Conditions</h3>
          {detail.conditions.map((c) => (
            <div class="item" key={c.type}>
              <Dot tone={conditionTone(c)}>{c.type}</Dot>
              <span class="muted">{c.status}{c.reason ? `, ${c.reason}` : ''} <time>{since(c.lastTransitionTime)}</time></span>
              {c.message && <p>{c.message}</p>}
            </div>
          ))}
        </section>
      )}
      <section>
        <h3>Events</h3>
        {(detail.events ?? []).length === 0 && <p class="muted">None in the last hour.</p>}
        {(detail.events ?? []).map((e, i) => (
          <div class="item" key={i}>
            <Dot tone={e.type === 'Normal' ? 'off' : 'warn'}>{e.cause}</Dot>
            <span class="muted">{e.count > 1 ? `${e.count} × ` : ''}<time>{since(e.last)}</time></span>
            <p>{e.message}</p>
          </div>
        ))}
      </section>
    </div>
  )
}

function containerTone(c: Container): Tone {
  if (c.state === 'completed') return 'off'
  if (c.ready) return 'ok'
  return c.state === 'running' ? 'warn' : 'bad'
}

// Conditions whose truth is bad news; of the others it is good news.
const badWhenTrue = /Failure|Failed|Pressure|Unavailable|DisruptionTarget|Suspended/

function conditionTone(c: Condition): Tone {
  const good = badWhenTrue.test(c.type) ? 'False' : 'True'
  return c.status === good ? 'ok' : c.reason === 'PodCompleted' ? 'off' : 'bad'
}

const linesKept = 3000

function Logs({ detail }: { detail: Detail }) {
  const containers = detail.containers ?? []
  const [name, setName] = useState(containers.find((c) => !c.init)?.name ?? '')
  const [previous, setPrevious] = useState(false)
  const [lines, setLines] = useState<string[]>([])
  const [failure, setFailure] = useState<Failure | null>(null)
  const box = useRef<HTMLPreElement>(null)
  const following = useRef(true)
  useEffect(() => {
    const control = new AbortController()
    let pending: string[] = []
    let frame = 0
    const show = (): void => {
      frame = 0
      const fresh = pending
      pending = []
      setLines((old) => [...old, ...fresh].slice(-linesKept))
    }
    setLines([])
    setFailure(null)
    const query = new URLSearchParams({ namespace: detail.namespace, name: detail.name, container: name, previous: String(previous) })
    request(`/api/app/logs?${query.toString()}`, { signal: control.signal }).then(
      (r) => r.body && readLines(r.body, (line) => {
        pending.push(line)
        if (frame === 0) frame = requestAnimationFrame(show)
      }),
    ).catch((cause: unknown) => { if (cause instanceof Failure) setFailure(cause) })
    return () => { control.abort(); cancelAnimationFrame(frame) }
  }, [detail.namespace, detail.name, name, previous])
  useEffect(() => {
    if (box.current && following.current) box.current.scrollTop = box.current.scrollHeight
  }, [lines])
  return (
    <>
      <div class="bar">
        <label>Container <select value={name} onChange={(e) => { setName(e.currentTarget.value) }}>
          {containers.map((c) => <option key={c.name}>{c.name}</option>)}
        </select></label>
        <label><input type="checkbox" checked={previous} onChange={(e) => { setPrevious(e.currentTarget.checked) }} /> the run before</label>
      </div>
      {failure && <Trouble text={failure.message} hint={failure.hint} />}
      <pre class="log" ref={box} tabIndex={0} aria-label="Log" onScroll={(e) => {
        const b = e.currentTarget
        following.current = b.scrollHeight - b.scrollTop - b.clientHeight < 40
      }}>
        {lines.length === 0 && !failure ? <Empty title="Nothing was written yet." /> : lines.join('\n')}
      </pre>
    </>
  )
}

function Yaml({ text }: { text: string }) {
  return (
    <pre class="yaml" tabIndex={0} aria-label="YAML">
      {text.split('\n').map((line, i) => (
        <span key={i}>{pieces(line).map((p, n) => (p.role === '' ? p.text : <b key={n} class={p.role}>{p.text}</b>))}{'\n'}</span>
      ))}
    </pre>
  )
}
