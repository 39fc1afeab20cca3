import { age, bytes, percent, plural } from '../lib/format'
import { compare } from '../lib/filter'
import { type Component, platform, type Status } from '../lib/live'
import { useStore } from '../lib/store'
import { sentence } from '../lib/prose'
import { Command, Fix } from '../part/command'
import { usage } from './usage'
import { Dot, Loading, type Tone, Trouble, useNow } from '../part/state'

export function componentTone(c: Component): Tone {
  if (c.state === 'running') return c.healthy ? 'ok' : 'bad'
  if (c.state === 'stopped' && c.onDemand) return 'off'
  return c.state === 'starting' || c.state === 'waiting' ? 'warn' : 'bad'
}

function stateOf(c: Component): string {
  if (c.state === 'running' && !c.healthy) return 'unhealthy'
  return c.state === 'stopped' && c.onDemand ? 'on demand' : c.state
}

export function Components() {
  const known = useStore(platform)
  const status = known?.now
  return (
    <div class="page components">
      <header>
        <div>
          <h1>Components</h1>
          <p>{status ? `Garboard ${status.version}, ${status.phase}` : 'Reading the platform…'}</p>
        </div>
        <Command line="garboard status" />
      </header>
      {!known && <Loading what="the components" />}
      {status?.failure && <Trouble text={status.failure} hint={status.hint ?? ''} />}
      {known && <ComponentTable now={known.now} before={known.before} />}
      {status && <Degraded status={status} />}
      {status && <Certificates status={status} />}
    </div>
  )
}

function ComponentTable({ now, before }: { now: Status; before: Status | null }) {
  const clock = useNow()
  const all = [...(now.components ?? [])].sort((a, b) => compare(a.name, b.name))
  const memory = all.reduce((n, c) => n + (c.pssBytes ?? 0), 0)
  const most = Math.max(1, ...all.map((c) => c.pssBytes ?? 0))
  return (
    <section class="panel wide">
      <table>
        <caption>{plural(all.length, 'component')}, {bytes(memory)} of memory in all</caption>
        <thead>
          <tr><th>Component</th><th>State</th><th>Version</th><th class="end">For</th><th class="end">Restarts</th><th>Memory</th><th class="end">CPU</th><th>Log</th></tr>
        </thead>
        <tbody>
          {all.map((c) => {
            const cpu = usage(c.name, now, before)
            return (
              <tr key={c.name}>
                <th scope="row">{c.name}</th>
                <td><Dot tone={componentTone(c)}>{stateOf(c)}</Dot>{c.reason && <p class="reason">{c.reason}</p>}</td>
                <td class="muted">{c.version}</td>
                <td class="end">{age(clock - Date.parse(c.since) / 1000)}</td>
                <td class={c.restarts > 0 ? 'end strong' : 'end muted'}>{c.restarts}</td>
                <td><span class="amount"><i style={{ width: `${((c.pssBytes ?? 0) / most) * 100}%` }} /><b>{c.pssBytes ? bytes(c.pssBytes) : ''}</b></span></td>
                <td class="end">{cpu === null ? '' : percent(cpu)}</td>
                <td><Command quiet line={`garboard platform logs ${c.name}`} /></td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </section>
  )
}

function Degraded({ status }: { status: Status }) {
  const all = status.degraded ?? []
  if (all.length === 0) return null
  return (
    <section class="panel wrong">
      <h2>Degraded <em>{all.length}</em></h2>
      <ul>
        {all.map((d) => (
          <li key={d.what}><div class="what"><Dot tone="warn">{d.what}</Dot></div><p>{sentence(d.why)}.</p>{d.fix && <p class="fix"><Fix text={d.fix} /></p>}</li>
        ))}
      </ul>
    </section>
  )
}

const soon = 30 * 86400 // seconds in which a certificate's end deserves attention

function Certificates({ status }: { status: Status }) {
  const clock = useNow()
  const all = [...(status.certificates ?? [])].sort((a, b) => compare(a.expires, b.expires))
  if (all.length === 0) return null
  return (
    <section class="panel">
      <h2>Certificates<small>renewed by themselves</small></h2>
      <ul class="tiles">
        {all.map((c) => {
          const left = Date.parse(c.expires) / 1000 - clock
          return <li key={c.name}><Dot tone={left < soon ? 'bad' : 'ok'}>{c.name}</Dot><span title={c.expires}>{age(left)} left</span></li>
        })}
      </ul>
    </section>
  )
}
