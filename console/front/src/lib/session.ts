// The session's second half, and requests that carry it. The first half is a
// cookie that no script can read.
import { Store } from './store'

export interface Page {
  name: string
  title: string
}
export interface Session {
  user: string
  version: string
  cluster: string
  own: boolean // the console looks at this machine's platform
  pages: Page[]
}

/** undefined: not known yet; null: nobody is logged in. */
export const session = new Store<Session | null | undefined>(undefined)
export const farewell = new Store('') // why there is no session any more

const storageKey = 'garboard-key'

export class Failure extends Error {
  constructor(
    message: string,
    readonly hint: string,
    readonly status: number,
  ) {
    super(message)
  }
}

export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.set('Garboard-Key', localStorage.getItem(storageKey) ?? '')
  const response = await send(path, { ...init, headers }, init.method === undefined)
  if (response.ok) return response
  throw await failure(response)
}

/** Fetches; a browser's network hiccup costs a request that may be repeated nothing but a moment. */
async function send(path: string, init: RequestInit, repeat: boolean): Promise<Response> {
  try {
    return await fetch(path, init)
  } catch (cause) {
    if (init.signal?.aborted) throw cause
    if (!repeat) throw new Failure('the console does not answer', 'garboard status says whether the platform runs', 0)
    await new Promise((done) => setTimeout(done, 150))
    return send(path, init, false)
  }
}

async function failure(response: Response): Promise<Failure> {
  try {
    const { error, hint } = (await response.json()) as { error: string; hint: string }
    return new Failure(error, hint, response.status)
  } catch {
    return new Failure(`the console answered ${response.status}`, '', response.status)
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, signal ? { signal } : {})
  return (await response.json()) as T
}

/** Asks who is logged in. */
export async function resume(): Promise<void> {
  try {
    session.set(await get<Session>('/api/session'))
  } catch (cause) {
    if (!(cause instanceof Failure) || cause.status !== 401) throw cause
    session.set(null)
  }
}

export async function login(credentials: { code: string } | { token: string }): Promise<void> {
  const response = await request('/api/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(credentials),
  })
  const { key } = (await response.json()) as { key: string }
  localStorage.setItem(storageKey, key)
  farewell.set('')
  await resume()
}

/** Ends the session here first: the live connection is not to be missed when the server ends it. */
export async function logout(): Promise<void> {
  lost('You have logged out.')
  await request('/api/logout', { method: 'POST' })
}

export function lost(why: string): void {
  localStorage.removeItem(storageKey)
  farewell.set(why)
  session.set(null)
}

/** The one-time code of a login link, taken out of the address so that it does not stay in the history. */
export function takeCode(): string {
  const code = new URLSearchParams(location.hash.slice(1)).get('code') ?? ''
  if (code !== '') history.replaceState(null, '', '/overview')
  return code
}
