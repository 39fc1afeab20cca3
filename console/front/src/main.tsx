import { render } from 'preact'
import './style/base.css'
import './style/frame.css'
import './style/part.css'
import './style/page.css'
import { App } from './app'

const root = document.getElementById('app')
if (root) render(<App />, root)
