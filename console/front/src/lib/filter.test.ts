import { describe, expect, it } from 'vitest'
import { namespaceOf, select } from './filter'
import { Table } from './table'

const names = ['namespace', 'name', 'level', 'restarts']

function table(): Table {
  const t = new Table()
  t.apply({
    total: 4, names, keys: ['shop/web', 'shop/db', 'bank/web', 'bank/api'],
    columns: [['shop', 'shop', 'bank', 'bank'], ['Web', 'db', 'web', 'api'], ['', 'wrong', '', 'waiting'], [10, 9, 0, 2]],
  })
  return t
}

const keys = (query: string, order: Parameters<typeof select>[3] = null): string[] => select(table().rows.values(), names, query, order).map((r) => r.key)

describe('select', () => {
  it('puts trouble first, then the alphabet', () => {
    expect(keys('')).toEqual(['shop/db', 'bank/api', 'bank/web', 'shop/web'])
  })
  it.each([
    ['web', ['bank/web', 'shop/web']],
    ['WEB shop', ['shop/web']],
    ['!web', ['shop/db', 'bank/api']],
    ['ns:bank', ['bank/api', 'bank/web']],
    ['namespace:bank !name:api', ['bank/web']],
    ['is:wrong', ['shop/db']],
    ['restarts:9', ['shop/db']],
    ['nothing:here', []],
    ['   ', ['shop/db', 'bank/api', 'bank/web', 'shop/web']],
    ['!', ['shop/db', 'bank/api', 'bank/web', 'shop/web']],
    ['ns:', ['shop/db', 'bank/api', 'bank/web', 'shop/web']],
  ])('%s', (query, want) => {
    expect(keys(query)).toEqual(want)
  })
  it('sorts numbers as numbers, both ways', () => {
    expect(keys('', { column: 3, down: false })).toEqual(['bank/web', 'bank/api', 'shop/db', 'shop/web'])
    expect(keys('', { column: 3, down: true })).toEqual(['shop/web', 'shop/db', 'bank/api', 'bank/web'])
  })
  it('filters and sorts 20,000 rows well within a frame or two', () => {
    const t = new Table()
    const many = Array.from({ length: 20_000 }, (_, i) => `team-${i % 40}/pod-${i}`)
    t.apply({ total: many.length, names, keys: many, columns: [many.map((k) => k.slice(0, 7)), many, many.map(() => ''), many.map((_, i) => i)] })
    select(t.rows.values(), names, 'pod-1', null)
    const from = performance.now()
    expect(select(t.rows.values(), names, 'pod-19', null).length).toBe(1111)
    expect(performance.now() - from).toBeLessThan(150)
  })
})

describe('namespaceOf', () => {
  it.each([['ns:shop web', 'shop'], ['web namespace:bank', 'bank'], ['sns:shop', ''], ['', '']])('%s', (query, want) => {
    expect(namespaceOf(query)).toBe(want)
  })
})
