// Just enough of YAML's looks to colour what the server printed.

export interface Piece {
  text: string
  role: '' | 'key' | 'string' | 'number' | 'word'
}

const line = /^(\s*(?:- )*)([^\s:"'][^:]*|"[^"]*")(:)(?:( )(.*))?$/

/** The pieces of one line; together they are the line. */
export function pieces(text: string): Piece[] {
  const m = line.exec(text)
  if (!m) {
    const item = /^(\s*- )(.*)$/.exec(text)
    return item ? [{ text: item[1] ?? '', role: '' }, { text: item[2] ?? '', role: roleOf(item[2] ?? '') }] : [{ text, role: 'string' }]
  }
  const [, indent = '', key = '', colon = '', space = '', value = ''] = m
  const out: Piece[] = [{ text: indent, role: '' }, { text: key, role: 'key' }, { text: colon + space, role: '' }]
  if (value !== '') out.push({ text: value, role: roleOf(value) })
  return out.filter((p) => p.text !== '')
}

function roleOf(value: string): Piece['role'] {
  if (/^-?\d+(\.\d+)?$/.test(value)) return 'number'
  return /^(true|false|null|\{\}|\[\]|[|>]-?)$/.test(value) ? 'word' : 'string'
}
