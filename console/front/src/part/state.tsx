// What stands where there is nothing to show, and the dots that tell states.
import type { ComponentChildren } from 'preact'
import { Store, useStore } from '../lib/store'
import { Icon } from './icon'
import { sentence } from '../lib/prose'
import { Fix } from './command'

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children && <p>{children}</p>}
    </div>
  )
}

export function Loading({ what }: { what: string }) {
  return (
    <div class="empty" role="status">
      <div class="pulse" aria-hidden="true"><i /><i /><i /></div>
      <p>Reading {what}…</p>
    </div>
  )
}

export function Trouble({ text, hint }: { text: string; hint?: string }) {
  return (
    <div class="trouble" role="alert">
      <Icon name="alert" />
      <div>
        <strong>{sentence(text)}</strong>
        {hint && <p><Fix text={hint} /></p>}
      </div>
    </div>
  )
}

export type Tone = 'ok' | 'warn' | 'bad' | 'off'

/** A dot and a word; the dot's shape differs too, so that colour is not all that tells. */
export function Dot({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`dot ${tone}`}>{children}</span>
}

export function toneOf(level: unknown): Tone {
  return level === 'wrong' ? 'bad' : level === 'waiting' ? 'warn' : 'ok'
}

const clock = new Store(Date.now())
setInterval(() => { clock.set(Date.now()) }, 5000)

/** The time in seconds, anew every few. */
export function useNow(): number {
  return useStore(clock) / 1000
}
