import { defineConfig } from 'vite'

// Everything is a file of this server's own: nothing is inlined, so that the
// content policy needs no exception, and names follow content, so that browsers
// may keep assets for ever.
export default defineConfig({
  build: { outDir: 'dist', assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: 'es2022', emptyOutDir: true },
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  server: { proxy: { '/api': { target: 'https://127.0.0.1:8443', secure: false } } },
})
