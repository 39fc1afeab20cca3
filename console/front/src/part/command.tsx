// A command line that does or shows the same as what it stands beside.
import { useEffect, useState } from 'preact/hooks'
import { Store, useStore } from '../lib/store'
import { sentence, split } from '../lib/prose'
import { Icon } from './icon'

const said = new Store('') // for screen readers

export async function copy(text: string): Promise<void> {
  await navigator.clipboard.writeText(text)
  said.set(`Copied: ${text}`)
}

export function Announcer() {
  return <div class="unseen" role="status">{useStore(said)}</div>
}

export function Command({ line, quiet = false }: { line: string; quiet?: boolean }) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => { setCopied(false) }, 1500)
    return () => { clearTimeout(timer) }
  }, [copied])
  return (
    <button
      type="button"
      class={quiet ? 'command quiet' : 'command'}
      title="Copy this command line"
      aria-label={`Copy the command line ${line}`}
      onClick={(e) => {
        e.stopPropagation()
        void copy(line).then(() => { setCopied(true) })
      }}
    >
      <code>{line}</code>
      <Icon name={copied ? 'done' : 'copy'} />
    </button>
  )
}

/** A sentence in which the command lines can be copied. */
export function Fix({ text }: { text: string }) {
  return <>{split(text).map((p, i) => (p.command ? <Command key={i} quiet line={p.text} /> : i === 0 ? sentence(p.text) : p.text))}</>
}
