// A dialog in front of everything; Escape and a click beside it close it.
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

export function Dialog({ label, name, onClose, children }: { label: string; name: string; onClose: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    element.current?.showModal()
  }, [])
  return (
    <dialog ref={element} class={name} aria-label={label} onClose={onClose}
      onClick={(e) => { if (e.target === e.currentTarget) onClose() }}>
      {children}
    </dialog>
  )
}
