// The overlay that lists the keys.
import { Dialog } from './dialog'
import type { Binding } from '../lib/keys'

const inTables: [string, string][] = [
  ['j  k', 'next and previous row'], ['Enter', 'open the row'], ['Home  G', 'first and last row'], ['Escape', 'close what is open'],
]
const filters: [string, string][] = [
  ['web db', 'rows that have both words'], ['!kube', 'rows that have it not'], ['ns:shop', 'in that namespace'], ['is:wrong', 'only what is wrong'], ['node:oak', 'a word in one column'],
]

export function Help({ bindings, onClose }: { bindings: Binding[]; onClose: () => void }) {
  return (
    <Dialog label="Keys" name="help" onClose={onClose}>
      <h2>Keys</h2>
      <div class="columns">
        <List title="Everywhere" rows={bindings.map((b) => [b.keys.replace('Control+', 'Ctrl '), b.what])} />
        <div>
          <List title="In tables" rows={inTables} />
          <List title="In filters" rows={filters} />
        </div>
      </div>
    </Dialog>
  )
}

function List({ title, rows }: { title: string; rows: [string, string][] }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {rows.map(([keys, what]) => (
          <div key={keys}>
            <dt>{keys.split(/ +/).map((k) => <kbd key={k}>{k}</kbd>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
