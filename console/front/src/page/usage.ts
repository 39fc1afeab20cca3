import type { Status } from '../lib/live'

/** The share of one core that name used between two answers; null where that is not known. */
export function usage(name: string, now: Status, before: Status | null): number | null {
  const c = now.components?.find((x) => x.name === name)
  const b = before?.components?.find((x) => x.name === name)
  const seconds = before ? (Date.parse(now.taken) - Date.parse(before.taken)) / 1000 : 0
  if (c?.cpuSeconds === undefined || b?.cpuSeconds === undefined || seconds <= 0 || c.pid !== b.pid) return null
  return Math.max(0, (c.cpuSeconds - b.cpuSeconds) / seconds)
}
