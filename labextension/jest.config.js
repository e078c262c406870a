// Pure parts alone: what touches JupyterLab is tried in a real one, in a real browser.
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/src/**/__tests__/**/*.spec.ts'],
  transform: {
    '^.+\\.tsx?$': [
      'ts-jest',
      {
        tsconfig: {
          module: 'commonjs',
          jsx: 'react',
          jsxFactory: 'h',
          jsxFragmentFactory: 'Fragment',
          esModuleInterop: true,
          target: 'ES2020',
          strict: true,
          resolveJsonModule: true,
          types: ['jest']
        }
      }
    ]
  }
};
