// Keys: single ones, and two in a row such as "g o".

export interface Binding {
  keys: string // "?", "g o", "Control+k"
  what: string
  act: () => void
  always?: boolean // also while somebody types
}

const pairWithin = 1000 // ms between the two keys of a pair

export class Keys {
  private first = ''
  private firstAt = 0
  constructor(private readonly bindings: () => Binding[]) {}

  /** Acts on a key; true where a binding took it. typing: the focus is in a field. */
  press(key: string, typing: boolean, now: number): boolean {
    const pair = now - this.firstAt < pairWithin ? `${this.first} ${key}` : ''
    this.first = ''
    for (const b of this.bindings()) {
      if (typing && !b.always) continue
      if (b.keys === key || b.keys === pair) {
        b.act()
        return true
      }
      if (b.keys.startsWith(key + ' ')) {
        this.first = key
        this.firstAt = now
      }
    }
    return this.first !== ''
  }
}

/** The name of a pressed key as bindings write it. */
export function nameOf(e: KeyboardEvent): string {
  if (e.altKey) return ''
  if (e.ctrlKey || e.metaKey) return 'Control+' + e.key.toLowerCase()
  return e.key
}

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
}
