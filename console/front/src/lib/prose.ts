// Sentences, and the command lines in them.

export interface Part {
  text: string
  command: boolean
}

// A command line begins with the program's name and goes on to a comma, a
// semicolon, a bracket, or a word that carries the sentence on.
const command = /garboard(?: (?!(?:lists|shows|says|starts|makes|why|or|and|is)\b)[^\s;,)]+)+/g

/** The parts of a sentence; together they are the sentence. */
export function split(text: string): Part[] {
  const out: Part[] = []
  let at = 0
  for (const m of text.matchAll(command)) {
    if (m.index > at) out.push({ text: text.slice(at, m.index), command: false })
    out.push({ text: m[0], command: true })
    at = m.index + m[0].length
  }
  if (at < text.length) out.push({ text: text.slice(at), command: false })
  return out
}

/** Text with a capital at its beginning. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
