import js from '@eslint/js'
import typescript from 'typescript-eslint'

export default typescript.config(
  js.configs.recommended,
  ...typescript.configs.strictTypeChecked,
  { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } } },
  { rules: { '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }] } },
)
