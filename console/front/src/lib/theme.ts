// Light or dark: as the system says, unless somebody chose.
import { Store } from './store'

export type Theme = 'light' | 'dark'
const storageKey = 'garboard-theme'
const system = matchMedia('(prefers-color-scheme: dark)')

function chosen(): Theme | null {
  const saved = localStorage.getItem(storageKey)
  return saved === 'light' || saved === 'dark' ? saved : null
}

const current = (): Theme => chosen() ?? (system.matches ? 'dark' : 'light')

export const theme = new Store<Theme>(current())

function show(): void {
  theme.set(current())
  document.documentElement.dataset.theme = theme.value
}

export function toggleTheme(): void {
  localStorage.setItem(storageKey, theme.value === 'dark' ? 'light' : 'dark')
  show()
}

system.addEventListener('change', show)
show()
