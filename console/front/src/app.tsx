// The frame: who is logged in decides between the login and the pages.
import { useEffect, useMemo, useState } from 'preact/hooks'
import { count } from './lib/format'
import { type Binding, isTyping, Keys, nameOf } from './lib/keys'
import { connect, connection, events, nodes, platform, pods, workloads } from './lib/live'
import { follow, go, route } from './lib/route'
import { Failure, logout, resume, type Session, session } from './lib/session'
import { useStore } from './lib/store'
import { theme, toggleTheme } from './lib/theme'
import { Announcer, copy } from './part/command'
import { Help } from './part/help'
import { Icon, type IconName, Mark } from './part/icon'
import { type Choice, Palette } from './part/palette'
import { Loading, Trouble } from './part/state'
import { Components } from './page/components'
import { Login } from './page/login'
import { Overview } from './page/overview'
import { Workloads } from './page/workloads'
import { problems } from './page/problems'

interface Entry {
  path: string
  title: string
  icon: IconName
  needs: string // the server's page that brings its data
  command: string
}

const entries: Entry[] = [
  { path: 'overview', title: 'Overview', icon: 'overview', needs: '', command: 'garboard status' },
  { path: 'workloads', title: 'Workloads', icon: 'workloads', needs: 'app', command: 'garboard get pods -A' },
  { path: 'components', title: 'Components', icon: 'components', needs: 'platform', command: 'garboard status' },
]

export function App() {
  const who = useStore(session)
  const [failure, setFailure] = useState<Failure | null>(null)
  useEffect(() => {
    if (who !== undefined || location.hash.startsWith('#code=')) return
    resume().catch((cause: unknown) => { setFailure(cause instanceof Failure ? cause : new Failure(String(cause), '', 0)) })
  }, [])
  if (failure) return <main class="alone"><Trouble text={failure.message} hint={failure.hint} /></main>
  if (who === undefined && !location.hash.startsWith('#code=')) return <main class="alone"><Loading what="your session" /></main>
  if (!who) return <Login />
  return <Frame who={who} />
}

function Frame({ who }: { who: Session }) {
  const at = useStore(route)
  const [open, setOpen] = useState<'' | 'palette' | 'help'>('')
  useEffect(connect, [])
  const shown = entries.filter((e) => e.needs === '' || who.pages.some((p) => p.name === e.needs))
  const current = shown.find((e) => e.path === at.page) ?? shown[0]
  useEffect(() => {
    document.title = `${current?.title ?? ''} · Garboard`
  }, [current])

  const bindings = useMemo(() => bindingsOf(shown, setOpen), [shown.length])
  useEffect(() => {
    const keys = new Keys(() => bindings)
    const press = (e: KeyboardEvent): void => {
      if (document.querySelector('dialog[open]')) return
      if (keys.press(nameOf(e), isTyping(e.target), e.timeStamp)) e.preventDefault()
    }
    addEventListener('keydown', press)
    return () => { removeEventListener('keydown', press) }
  }, [bindings])

  return (
    <div class="frame" onClick={follow}>
      <a class="skip" href="#main" onClick={(e) => { e.stopPropagation() }}>Skip to the content</a>
      <Side who={who} entries={shown} current={current?.path ?? ''} onHelp={() => { setOpen('help') }} onSearch={() => { setOpen('palette') }} />
      <main id="main" tabIndex={-1}>
        <Disconnected />
        {current?.path === 'overview' && <Overview who={who} />}
        {current?.path === 'workloads' && <Workloads />}
        {current?.path === 'components' && <Components />}
      </main>
      <Announcer />
      {open === 'palette' && <Palette choices={(q) => choicesOf(shown, q)} onClose={() => { setOpen('') }} />}
      {open === 'help' && <Help bindings={bindings} onClose={() => { setOpen('') }} />}
    </div>
  )
}

function bindingsOf(shown: Entry[], open: (what: 'palette' | 'help') => void): Binding[] {
  return [
    { keys: 'Control+k', what: 'find anything', act: () => { open('palette') }, always: true },
    { keys: '/', what: 'filter', act: focusFilter },
    ...shown.map((e) => ({ keys: `g ${e.path.charAt(0)}`, what: `go to ${e.title}`, act: () => { go('/' + e.path) } })),
    { keys: 'j', what: 'into the table', act: focusGrid },
    { keys: 't', what: 'light or dark', act: toggleTheme },
    { keys: 'y', what: "copy this view's command line", act: copyShown },
    { keys: '?', what: 'these keys', act: () => { open('help') } },
  ]
}

function focusFilter(): void {
  const field = document.querySelector<HTMLInputElement>('input[type=search]')
  if (field) field.focus()
  else {
    go('/workloads')
    requestAnimationFrame(() => { document.querySelector<HTMLInputElement>('input[type=search]')?.focus() })
  }
}

function focusGrid(): void {
  const grid = document.querySelector<HTMLElement>('[data-grid]')
  grid?.focus()
  grid?.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }))
}

function copyShown(): void {
  const line = document.querySelector('.page > header .command code')?.textContent
  if (line) void copy(line)
}

const podChoices = 200 // beyond, ranking would be felt while typing

function choicesOf(shown: Entry[], query: string): Choice[] {
  const out: Choice[] = shown.map((e) => ({ title: `Go to ${e.title}`, hint: `g ${e.path.charAt(0)}`, act: () => { go('/' + e.path) } }))
  out.push(
    { title: 'What is wrong in the workloads', hint: 'is:wrong', act: () => { go('/workloads?kind=pods&q=is:wrong') } },
    { title: theme.value === 'dark' ? 'Light colours' : 'Dark colours', hint: 't', act: toggleTheme },
    ...shown.map((e) => ({ title: `Copy ${e.command}`, hint: 'command line', act: () => { void copy(e.command) } })),
    { title: 'Log out', hint: '', act: () => { void logout() } },
  )
  const wanted = query.toLowerCase().trim()
  if (wanted.length < 2) return out
  for (const [kind, store] of [['workloads', workloads], ['pods', pods], ['nodes', nodes]] as const) {
    let found = 0
    for (const row of store.value.rows.values()) {
      if (!row.key.includes(wanted)) continue
      out.push({ title: row.key, hint: kind, act: () => { go(`/workloads?kind=${kind}&open=${encodeURIComponent(row.key)}`) } })
      if (++found === podChoices) break
    }
  }
  return out
}

function Side({ who, entries, current, onHelp, onSearch }: { who: Session; entries: Entry[]; current: string; onHelp: () => void; onSearch: () => void }) {
  const dark = useStore(theme) === 'dark'
  const live = useStore(connection)
  useStore(pods)
  useStore(platform)
  useStore(workloads)
  useStore(nodes)
  useStore(events)
  const wrong = problems().reduce((n, p) => n + p.count, 0)
  return (
    <nav class="side" aria-label="Pages">
      <a class="brand" href="/overview"><Mark /><span>Garboard</span></a>
      <button type="button" class="find" onClick={onSearch}><Icon name="search" /><span>Find</span><kbd>Ctrl K</kbd></button>
      <ul>
        {entries.map((e) => (
          <li key={e.path}>
            <a href={'/' + e.path} aria-current={e.path === current ? 'page' : undefined}>
              <Icon name={e.icon} /><span>{e.title}</span>
              {e.path === 'overview' && wrong > 0 && <em title={`${wrong} wrong`}>{count(wrong)}</em>}
            </a>
          </li>
        ))}
      </ul>
      <div class="foot">
        <p class={`link ${live}`} role="status">{live === 'live' ? 'Live' : live === 'lost' ? 'Disconnected' : 'Connecting'}</p>
        <p class="who" title={`${who.cluster}, garboard ${who.version}`}><span>{who.user}</span><small>{who.cluster}</small></p>
        <div class="tools">
          <button type="button" class="plain" aria-label={dark ? 'Light colours' : 'Dark colours'} title="Light or dark (t)" onClick={toggleTheme}><Icon name={dark ? 'sun' : 'moon'} /></button>
          <button type="button" class="plain" aria-label="Keys" title="Keys (?)" onClick={onHelp}><Icon name="help" /></button>
          <button type="button" class="plain" aria-label="Log out" title="Log out" onClick={() => { void logout() }}><Icon name="leave" /></button>
        </div>
      </div>
    </nav>
  )
}

function Disconnected() {
  if (useStore(connection) !== 'lost') return null
  return (
    <div class="notice" role="alert">
      <Icon name="alert" />
      <span>The console does not answer; what you see is from before. It is asked again every few seconds.</span>
    </div>
  )
}
