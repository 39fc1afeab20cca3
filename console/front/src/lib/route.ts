// The address: which page, and what of it is shown.
import { Store } from './store'

export interface Route {
  page: string
  search: URLSearchParams
}

function here(): Route {
  return { page: location.pathname.split('/')[1] ?? '', search: new URLSearchParams(location.search) }
}

export const route = new Store<Route>(here())

export function go(path: string): void {
  if (location.pathname + location.search === path) return
  history.pushState(null, '', path)
  route.set(here())
}

/** Changes parts of the query in place; an empty value takes its part out. */
export function refine(parts: Record<string, string>): void {
  const search = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(parts)) {
    if (value === '') search.delete(name)
    else search.set(name, value)
  }
  const text = search.toString()
  history.replaceState(null, '', location.pathname + (text === '' ? '' : '?' + text))
  route.set(here())
}

addEventListener('popstate', () => { route.set(here()) })

/** Follows a click on a link inside the application without loading the page anew. */
export function follow(e: MouseEvent): void {
  const link = e.target instanceof Element ? e.target.closest('a') : null
  if (!link || link.origin !== location.origin || e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return
  e.preventDefault()
  go(link.pathname + link.search)
}
