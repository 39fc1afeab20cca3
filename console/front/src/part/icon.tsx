// The console's few icons, drawn on a grid of 20 with one line width.
const paths = {
  overview: 'M3 10.5 10 4l7 6.5M5 9v7h10V9M8.5 16v-4h3v4',
  workloads: 'M10 2.800 16.5 6.300v7.400L10 17.200 3.5 13.700V6.300zM3.5 6.300 10 10l6.5-3.700M10 10v7.200',
  components: 'M4 4.5h12v4H4zM4 11.5h12v4H4zM6.5 6.5h.01M6.5 13.5h.01',
  sun: 'M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M15.700 4.300l-1.100 1.100M5.400 14.600l-1.100 1.100',
  moon: 'M16.5 11.800A7 7 0 0 1 8.200 3.5a7 7 0 1 0 8.300 8.300z',
  copy: 'M7 7h9v9H7zM4 13V4h9',
  done: 'M4 10.5 8 14.5 16 6',
  search: 'M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M13 13l4 4',
  close: 'M5 5l10 10M15 5 5 15',
  leave: 'M8 4H4v12h4M12 6.5 15.5 10 12 13.5M15.5 10H8',
  help: 'M7.300 7.200A2.800 2.800 0 1 1 10.600 10c-.5.2-.6.6-.6 1.200v.5M10 14.800h.01',
  alert: 'M10 3.200 17.5 16h-15zM10 8v4M10 14h.01',
  up: 'M5 12l5-5 5 5',
  down: 'M5 8l5 5 5-5',
} as const

export type IconName = keyof typeof paths

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  )
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path class="hull" d="M5.5 9.5C6.5 18 10 22 16 22s9.5-4 10.5-12.5" />
      <path class="plank" d="M10.5 9.5C11 14.5 12.700 17 16 17s5-2.5 5.5-7.5" />
      <path class="keel" d="M16 22v4.5" />
    </svg>
  )
}
