# Sourced by examples/run and tests/run: finds a Python and keeps a virtual environment up to date.

# Print one sentence and exit.
stop() {
  printf '%s\n' "$*" >&2
  exit 1
}

# Print the first Python >= 3.10 that can create virtual environments; the user's `python3` comes first.
find_python() {
  local name without_venv=
  for name in python3 python3.13 python3.12 python3.11 python3.10; do
    "$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || continue
    if "$name" -c 'import ensurepip, venv' 2>/dev/null; then
      command -v "$name"
      return
    fi
    without_venv=${without_venv:-$name}
  done
  if [ -n "$without_venv" ]; then
    stop "$without_venv can't make virtual environments; on Debian and Ubuntu 'apt install python3-venv' mends that."
  fi
  stop "No Python from 3.10 on was found; install one (on Debian and Ubuntu: apt install python3 python3-venv)."
}

# make_environment FOLDER KEY PIP-ARGUMENT...
# Installs what the arguments name, unless FOLDER already has exactly that. KEY is a list of files on which it depends;
# the source itself is linked, so a change in it needs no new installation.
make_environment() {
  local folder=$1 key=$2 python stamp
  shift 2
  # shellcheck disable=SC2086 # KEY is a list
  stamp="$PWD $* $(cat $key | cksum)"
  if [ "$(cat "$folder/installed" 2>/dev/null)" = "$stamp" ] && "$folder/bin/python" -c '' 2>/dev/null; then
    return
  fi
  python=$(find_python) || exit 1
  printf 'Installing into %s with %s; this takes minutes, most of them for large libraries.\n' "$folder" "$("$python" --version)"
  "$python" -m venv --clear "$folder" || stop "The environment $folder could not be made; what Python said stands above."
  "$folder/bin/python" -m pip install -qq --no-compile --disable-pip-version-check "$@" ||
    stop "The installation failed; what pip said stands above. Run the same command again once that is mended."
  # Compiled on all processors, where pip takes one; what has no bytecode, such as templates, is compiled when it is used.
  "$folder/bin/python" -m compileall -qq -j 0 "$folder/lib" >/dev/null || true
  printf '%s\n' "$stamp" >"$folder/installed"
}
