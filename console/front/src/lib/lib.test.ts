import { describe, expect, it, vi } from 'vitest'
import { age, bytes, duration, percent, plural } from './format'
import { Keys } from './keys'
import { sentence, split } from './prose'
import { Table } from './table'
import { platformProblems, podProblems } from './wrong'
import { pieces } from './yaml'

describe('format', () => {
  it.each([[0, '0 B'], [1023, '1023 B'], [1536, '1.5 KiB'], [150 * 1024 ** 2, '150 MiB'], [2 ** 60, '1024 PiB']])('%d bytes', (n, want) => {
    expect(bytes(n)).toBe(want)
  })
  it.each([[-5, '0s'], [119.9, '119s'], [120, '2m'], [7200, '2h'], [172799, '47h'], [172800, '2d']])('age %d', (n, want) => {
    expect(age(n)).toBe(want)
  })
  it('says durations, shares and numbers of things', () => {
    expect([duration(59), duration(3660), duration(90000), percent(0.126), plural(1, 'pod'), plural(20000, 'pod')])
      .toEqual(['0 min', '1 h 1 min', '1 d 1 h', '13 %', '1 pod', '20 000 pods'])
  })
})

describe('split', () => {
  const commands = (text: string): string[] => split(text).filter((p) => p.command).map((p) => p.text)
  it.each([
    ['read what it said: garboard logs --previous web-1 -n shop', ['garboard logs --previous web-1 -n shop']],
    ['build the image here: garboard image build; garboard image ls lists what is here', ['garboard image build', 'garboard image ls']],
    ['bring it onto the node (garboard image build or load), or wait', ['garboard image build']],
    ['garboard platform logs etcd shows what it said', ['garboard platform logs etcd']],
    ['join one: garboard up, garboard join', ['garboard up', 'garboard join']],
    ['add a machine', []],
    ['garboard', []],
  ])('%s', (text, want) => {
    expect(commands(text)).toEqual(want)
    expect(split(text).map((p) => p.text).join('')).toBe(text)
  })
  it('begins sentences with a capital', () => {
    expect([sentence('it runs'), sentence('')]).toEqual(['It runs', ''])
  })
})

describe('Keys', () => {
  const act = { g: vi.fn(), o: vi.fn(), k: vi.fn() }
  const keys = new Keys(() => [
    { keys: '?', what: '', act: act.g }, { keys: 'g o', what: '', act: act.o }, { keys: 'Control+k', what: '', act: act.k, always: true },
  ])
  it('knows single keys, pairs in time, and keys that work while typing', () => {
    expect(keys.press('?', false, 0)).toBe(true)
    expect(keys.press('g', false, 100)).toBe(true)
    expect(keys.press('o', false, 900)).toBe(true)
    expect(act.o).toHaveBeenCalledTimes(1)
    keys.press('g', false, 1000)
    expect(keys.press('o', false, 2500)).toBe(false)
    expect(keys.press('?', true, 3000)).toBe(false)
    expect(keys.press('Control+k', true, 3000)).toBe(true)
    expect([act.g.mock.calls.length, act.o.mock.calls.length, act.k.mock.calls.length]).toEqual([1, 1, 1])
  })
})

describe('problems', () => {
  const names = ['namespace', 'name', 'owner', 'level', 'reason', 'fix']
  it('joins pods of one owner that fail alike', () => {
    const t = new Table()
    t.apply({
      total: 4, names, keys: ['s/w-1', 's/w-2', 's/x', 's/fine'],
      columns: [['s', 's', 's', 's'], ['w-1', 'w-2', 'x', 'fine'], ['R/w', 'R/w', '', 'R/w'], ['wrong', 'wrong', 'wrong', ''], ['pod w-1 ended 3 times', 'pod w-2 ended 14 times', 'lost', ''], ['', '', '', '']],
    })
    expect(podProblems(t).map((p) => [p.title, p.count])).toEqual([['Pod s/w-1', 2], ['Pod s/x', 1]])
  })
  it('takes what the platform says of itself', () => {
    const status = { taken: '', version: '', phase: 'stopped', since: '', failure: 'it does not run', hint: 'garboard up', components: null, certificates: null, degraded: [{ what: 'etcd is failed', why: 'disk full' }] }
    expect(platformProblems(status).map((p) => [p.title, p.fix])).toEqual([['The platform is stopped', 'garboard up'], ['etcd is failed', '']])
    expect(platformProblems(undefined)).toEqual([])
  })
})

describe('pieces', () => {
  it.each(['kind: Pod', '  - name: "x: y"', 'metadata:', '    replicas: 3', 'text without colon', '- http://x:80/', ''])('%s stays whole', (line) => {
    expect(pieces(line).map((p) => p.text).join('')).toBe(line)
  })
  it('tells keys, numbers and words', () => {
    expect(pieces('  replicas: 3').map((p) => p.role)).toEqual(['', 'key', '', 'number'])
    expect(pieces('ready: true').map((p) => p.role)).toEqual(['key', '', 'word'])
  })
})
