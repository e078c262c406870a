// What every page loads is kept small: style is minified as code is, no comment of a library travels with it, and
// private members lose their names. Nobody else's begin with one underscore and a word, but for the translator's `_n`.
const { SwcJsMinimizerRspackPlugin } = require('@rspack/core');

module.exports = {
  module: {
    rules: [
      {
        test: /\.css$/,
        enforce: 'pre',
        loader: 'builtin:lightningcss-loader',
        options: { minify: true }
      }
    ]
  },
  optimization: {
    minimizer: [
      new SwcJsMinimizerRspackPlugin({
        minimizerOptions: {
          ecma: 2020,
          compress: { passes: 4, ecma: 2020, unsafe_arrows: true },
          mangle: { props: { regex: '^_[a-z][A-Za-z]+$' } },
          format: { comments: false, ecma: 2020 }
        }
      })
    ]
  }
};
