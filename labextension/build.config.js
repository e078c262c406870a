// What every page loads is kept small: style is minified as code is, and no comment of a library travels with it.
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
          format: { comments: false, ecma: 2020 }
        }
      })
    ]
  }
};
