import { useEffect, useState } from 'preact/hooks'
import { Failure, farewell, login, takeCode } from '../lib/session'
import { useStore } from '../lib/store'
import { Command } from '../part/command'
import { Mark } from '../part/icon'
import { Loading, Trouble } from '../part/state'

export function Login() {
  const [code] = useState(takeCode)
  const [busy, setBusy] = useState(code !== '')
  const [token, setToken] = useState('')
  const [failure, setFailure] = useState<Failure | null>(null)
  const why = useStore(farewell)
  const attempt = (credentials: { code: string } | { token: string }): void => {
    setBusy(true)
    setFailure(null)
    login(credentials).catch((cause: unknown) => {
      setBusy(false)
      setFailure(cause instanceof Failure ? cause : new Failure(String(cause), '', 0))
    })
  }
  useEffect(() => {
    document.title = 'Log in · Garboard'
    if (code !== '') attempt({ code })
  }, [])
  if (busy && code !== '' && !failure) return <main class="alone"><Loading what="your link" /></main>
  return (
    <main class="login">
      <div class="card">
        <header><Mark /><h1>Garboard</h1></header>
        {why !== '' && <p class="why" role="status">{why}</p>}
        {failure && <Trouble text={failure.message} hint={failure.hint} />}
        <section>
          <h2>With a link</h2>
          <p>On the machine, as root, ask for a link and open it. It works once, for five minutes.</p>
          <Command line="sudo garboard console" />
        </section>
        <form onSubmit={(e) => { e.preventDefault(); attempt({ token }) }}>
          <h2>With a token</h2>
          <p>You will see what the token’s account may see.</p>
          <Command quiet line="garboard kubectl create token NAME" />
          <label for="token">Token</label>
          <input id="token" type="password" autocomplete="off" spellcheck={false} value={token} onInput={(e) => { setToken(e.currentTarget.value) }} />
          <button type="submit" class="primary" disabled={token.trim() === '' || busy}>{busy ? 'Logging in…' : 'Log in'}</button>
        </form>
      </div>
    </main>
  )
}
