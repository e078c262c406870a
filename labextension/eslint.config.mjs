// Strict types are the point: nothing is `any`, no promise is left floating, the console stays silent.
import typescript from '@typescript-eslint/eslint-plugin';
import parser from '@typescript-eslint/parser';

export default [
  { ignores: ['node_modules', 'lib', '.yarn'] },
  {
    files: ['src/**/*.ts', 'src/**/*.tsx'],
    languageOptions: {
      parser,
      parserOptions: {
        project: './tsconfig.json',
        jsxPragma: 'h',
        jsxFragmentName: 'Fragment'
      }
    },
    plugins: { '@typescript-eslint': typescript },
    rules: {
      ...typescript.configs['recommended'].rules,
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-namespace': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none' }],
      'no-console': 'error',
      curly: ['error', 'all'],
      eqeqeq: 'error',
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'The page shows text alone.' },
        { property: 'outerHTML', message: 'The page shows text alone.' },
        {
          property: 'insertAdjacentHTML',
          message: 'The page shows text alone.'
        }
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: 'The page shows text alone.'
        }
      ]
    }
  }
];
