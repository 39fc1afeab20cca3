// A value that views watch: the whole state management of the console.
import { useEffect, useState } from 'preact/hooks'

export class Store<T> {
  private readonly watchers = new Set<() => void>()
  constructor(private current: T) {}

  get value(): T {
    return this.current
  }

  set(next: T): void {
    if (Object.is(next, this.current)) return
    this.current = next
    this.tell()
  }

  /** Tells the watchers that the inside of the value has changed. */
  tell(): void {
    for (const w of [...this.watchers]) w()
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }
}

/** Renders again, at most once a frame, when store changes; returns its value. */
export function useStore<T>(store: Store<T>): T {
  const [, render] = useState(0)
  useEffect(() => {
    let frame = 0
    const stop = store.watch(() => {
      if (frame === 0) {
        frame = requestAnimationFrame(() => {
          frame = 0
          render((n) => n + 1)
        })
      }
    })
    return () => {
      stop()
      cancelAnimationFrame(frame)
    }
  }, [store])
  return store.value
}
