import { describe, expect, it } from 'vitest'
import { inSight, rowHeight } from './grid'
import { rank } from './palette'
import { nearest, outline } from './plot'
import { usage } from '../page/usage'

describe('inSight', () => {
  it('holds what is seen and a little more', () => {
    expect(inSight(0, 360, 20_000)).toEqual([0, 18])
    expect(inSight(rowHeight * 1000, 360, 20_000)).toEqual([992, 1018])
    expect(inSight(rowHeight * 19_995, 360, 20_000)).toEqual([19_987, 20_000])
    expect(inSight(0, 360, 0)).toEqual([0, 0])
  })
})

describe('rank', () => {
  const choices = ['Go to Overview', 'Go to Workloads', 'shop/wordpress-1'].map((title) => ({ title, hint: '', act: () => undefined }))
  it('finds letters in order, nearest first', () => {
    expect(rank(choices, 'gow').map((c) => c.title)).toEqual(['Go to Workloads', 'Go to Overview'])
    expect(rank(choices, 'shop').map((c) => c.title)).toEqual(['shop/wordpress-1'])
    expect(rank(choices, 'xyz')).toEqual([])
    expect(rank(choices, '').length).toBe(3)
  })
})

describe('plots', () => {
  const minute = [0, 30_000, 60_000].map((time, i) => ({ time, value: i }))
  it('stand at the right edge, in scale', () => {
    expect(outline(minute, 2)).toBe('M0.0 56.0L120.0 29.5L240.0 3.0')
    expect(outline([{ time: 0, value: 9 }], 2)).toBe('M240.0 3.0')
    expect(outline([], 2)).toBe('')
    expect(outline(minute, 0)).toBe('')
  })
  it('find the point under the mouse', () => {
    expect([nearest(minute, 0), nearest(minute, 0.6), nearest(minute, 1)]).toEqual([0, 1, 2])
  })
})

describe('usage', () => {
  const at = (taken: string, cpuSeconds: number, pid = 1) => ({
    taken, version: '', phase: 'running', since: '', certificates: null, degraded: null,
    components: [{ name: 'etcd', version: '', state: 'running', healthy: true, restarts: 0, since: '', pid, cpuSeconds }],
  })
  it('is the CPU time over the time between two answers', () => {
    expect(usage('etcd', at('2030-01-01T00:00:10Z', 6), at('2030-01-01T00:00:00Z', 1))).toBe(0.5)
  })
  it('is unknown at first and after a restart', () => {
    expect(usage('etcd', at('2030-01-01T00:00:10Z', 6), null)).toBeNull()
    expect(usage('etcd', at('2030-01-01T00:00:10Z', 6, 2), at('2030-01-01T00:00:00Z', 1))).toBeNull()
  })
})
