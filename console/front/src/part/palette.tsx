// The command palette: everything the console can do, found by a few letters.
import { useState } from 'preact/hooks'
import { Dialog } from './dialog'

export interface Choice {
  title: string
  hint: string // a key or a command line
  act: () => void
}

const shown = 12

/** The choices whose title has all letters of query in order, nearest first. */
export function rank(choices: Choice[], query: string): Choice[] {
  const wanted = query.toLowerCase().replace(/\s+/g, '')
  const scored: { choice: Choice; score: number }[] = []
  for (const choice of choices) {
    const score = distance(choice.title.toLowerCase(), wanted)
    if (score >= 0) scored.push({ choice, score })
  }
  return scored.sort((a, b) => a.score - b.score).slice(0, shown).map((s) => s.choice)
}

/** How far apart the letters of wanted stand in text; -1 where they do not. */
function distance(text: string, wanted: string): number {
  let at = -1
  let sum = 0
  for (const letter of wanted) {
    const next = text.indexOf(letter, at + 1)
    if (next < 0) return -1
    sum += next - at - 1
    at = next
  }
  return sum
}

export function Palette({ choices, onClose }: { choices: (query: string) => Choice[]; onClose: () => void }) {
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(0)
  const found = rank(choices(query), query)
  const act = (choice: Choice | undefined): void => {
    if (!choice) return
    onClose()
    choice.act()
  }
  const press = (e: KeyboardEvent): void => {
    if (e.key === 'ArrowDown' || (e.ctrlKey && e.key === 'j')) setAt(Math.min(at + 1, found.length - 1))
    else if (e.key === 'ArrowUp' || (e.ctrlKey && e.key === 'k')) setAt(Math.max(at - 1, 0))
    else if (e.key === 'Enter') act(found[at])
    else return
    e.preventDefault()
    e.stopPropagation()
  }
  return (
    <Dialog label="Command palette" name="palette" onClose={onClose}>
      <input type="text" role="combobox" aria-expanded="true" aria-controls="choices" aria-activedescendant={`choice-${at}`}
        aria-label="What do you want to do or see?" placeholder="What do you want to do or see?" autocomplete="off" spellcheck={false}
        autofocus value={query} onKeyDown={press} onInput={(e) => { setQuery(e.currentTarget.value); setAt(0) }} />
      <ul id="choices" role="listbox" aria-label="Choices">
        {found.map((c, i) => (
          <li key={c.title} id={`choice-${i}`} role="option" aria-selected={i === at} onMouseMove={() => { setAt(i) }} onClick={() => { act(c) }}>
            <span>{c.title}</span>
            <code>{c.hint}</code>
          </li>
        ))}
        {found.length === 0 && <li class="none">Nothing here is called that.</li>}
      </ul>
    </Dialog>
  )
}
