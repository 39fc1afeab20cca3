import { describe, expect, it } from 'vitest'
import { Table } from './table'

function filled(): Table {
  const t = new Table()
  t.apply({ total: 2, names: ['kind', 'n'], keys: ['a/1', 'a/2'], columns: [{ values: ['a'], index: [0, 0] }, [1, 2]], state: { synced: true } })
  return t
}

describe('Table', () => {
  it('spreads columns and dictionaries into rows', () => {
    expect(filled().rows.get('a/2')?.cells).toEqual(['a', 2])
  })
  it('finds text without case and not across cells', () => {
    const t = new Table()
    t.apply({ total: 1, names: ['x', 'y'], keys: ['k'], columns: [['One'], ['Two']] })
    expect(t.rows.get('k')?.text).toBe('one\ntwo\n')
  })
  it('takes changes and deletions', () => {
    const t = filled()
    t.apply({ total: 1, keys: ['a/1'], columns: [['b'], [7]], gone: ['a/2'] })
    expect([...t.rows.keys()]).toEqual(['a/1'])
    expect(t.rows.get('a/1')?.cells).toEqual(['b', 7])
  })
  it('drops what a new picture no longer has, when the picture is whole', () => {
    const t = filled()
    t.apply({ total: 1, names: ['kind', 'n'], keys: ['a/2'], columns: [['a'], [3]] })
    expect(t.rows.size).toBe(2)
    t.apply({ total: 1, state: { synced: true } })
    expect([...t.rows.keys()]).toEqual(['a/2'])
  })
  it('counts every message, so that views know', () => {
    const t = filled()
    const before = t.revision
    t.apply({ total: 2 })
    expect(t.revision).toBe(before + 1)
  })
})
