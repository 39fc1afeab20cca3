// The one live connection: lines of JSON that bring each feed up to date.
import { Failure, lost, request, session } from './session'
import { Store } from './store'
import { type Message, Table } from './table'

export type Connection = 'connecting' | 'live' | 'lost'
export const connection = new Store<Connection>('connecting')

export interface Sample {
  time: string
  host: string
  kernel: string
  uptime: number
  cores: number
  cpu: number
  load: number
  memory: number
  memoryUsed: number
  disk: number
  diskUsed: number
  received: number
  sent: number
}
export interface Component {
  name: string
  version: string
  state: string
  healthy: boolean
  onDemand?: boolean
  reason?: string
  pid?: number
  restarts: number
  since: string
  rssBytes?: number
  pssBytes?: number
  cpuSeconds?: number
}
export interface Status {
  taken: string
  version: string
  phase: string
  since: string
  failure?: string
  hint?: string
  components: Component[] | null
  certificates: { name: string; expires: string }[] | null
  degraded: { what: string; why: string; fix?: string }[] | null
}

const samplesKept = 150

export const machine = new Store<Sample[]>([])
export const platform = new Store<{ now: Status; before: Status | null } | null>(null)
export const pods = new Store(new Table())
export const workloads = new Store(new Table())
export const nodes = new Store(new Table())
export const events = new Store(new Table())

const tables: Record<string, Store<Table>> = {
  'app/pods': pods,
  'app/workloads': workloads,
  'app/nodes': nodes,
  'app/events': events,
}

interface Line {
  feed?: string
  data?: unknown
}

/** Gives one line to the store that its feed belongs to. */
export function accept(line: Line, fresh: boolean): void {
  const table = line.feed === undefined ? undefined : tables[line.feed]
  if (table) {
    table.value.apply(line.data as Message)
    table.tell()
  } else if (line.feed === 'platform/machine') {
    const samples = line.data as Sample[]
    machine.set((fresh ? samples : [...machine.value, ...samples]).slice(-samplesKept))
  } else if (line.feed === 'platform/components') {
    const now = (line.data as Status[]).at(-1)
    if (now) platform.set({ now, before: platform.value?.now ?? null })
  }
}

/** Cuts a stream of bytes into lines and calls take with each. */
export async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) {
      if (rest !== '') take(rest)
      return
    }
    const parts = (rest + decoder.decode(value, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    parts.forEach(take)
  }
}

const silence = 25_000 // ms without a line: the connection is dead, whatever it looks like
const firstPause = 500
const longestPause = 8_000
const hiddenFor = 60_000 // ms that a hidden window stays connected

/** Stays connected until the returned function is called. */
export function connect(): () => void {
  let stopped = false
  let pause = firstPause
  let retried = false
  let control = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  let hidden: ReturnType<typeof setTimeout> | undefined

  const again = (): void => {
    if (stopped || document.hidden) return
    clearTimeout(timer)
    timer = setTimeout(() => void run(), pause)
    pause = Math.min(pause * 2, longestPause)
  }
  const run = async (): Promise<void> => {
    control.abort()
    const mine = (control = new AbortController())
    let watchdog: ReturnType<typeof setTimeout> | undefined
    const awake = (): void => {
      clearTimeout(watchdog)
      watchdog = setTimeout(() => { mine.abort() }, silence)
    }
    try {
      awake()
      const response = await request('/api/live', { signal: mine.signal })
      let fresh = true // the first samples replace what an earlier connection left
      if (!response.body) throw new Error('no body')
      await readLines(response.body, (text) => {
        awake()
        pause = firstPause
        retried = false
        connection.set('live')
        const line = JSON.parse(text) as Line
        accept(line, fresh)
        if (line.feed === 'platform/machine') fresh = false
      })
    } catch (cause) {
      if (cause instanceof Failure && cause.status === 401) {
        lost('Your session has ended.')
        return
      }
    } finally {
      clearTimeout(watchdog)
    }
    if (mine !== control || stopped || session.value === null) return
    // Browsers give streams up whenever an interface comes or goes, as they do
    // where pods start: what was live is tried again before anybody is told.
    if (connection.value === 'live' && pause === firstPause && !retried) {
      retried = true
      void run()
      return
    }
    connection.set('lost')
    again()
  }
  const visibility = (): void => {
    clearTimeout(hidden)
    if (document.hidden) {
      hidden = setTimeout(() => { control.abort() }, hiddenFor)
    } else if (control.signal.aborted || connection.value === 'lost') {
      pause = firstPause
      void run()
    }
  }
  document.addEventListener('visibilitychange', visibility)
  void run()
  return () => {
    stopped = true
    clearTimeout(timer)
    clearTimeout(hidden)
    document.removeEventListener('visibilitychange', visibility)
    control.abort()
  }
}
