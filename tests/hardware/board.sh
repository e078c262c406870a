#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: the tests that need one, and the figures for docs/, in 8 minutes and without a network.
#   bash tests/run --gpu-wheels [FOLDER]   here, with a network: gather the packages such a machine may lack, ours among them
#   bash tests/run --gpu [WHEELS]          there: install from that folder alone what is missing, test, measure
# It takes Python 3.10 or later with PyTorch and transformers; FOLDER and WHEELS are .gpu-wheels if left out.
# Wheels are for Python $JUPYTER_GREEN_TEST_GPU_PYTHON (3.12) on x86-64 Linux.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
source examples/environment.sh

verb=$1 wheels=${2:-.gpu-wheels} environment=.tests-venv-gpu
tests_seconds=${JUPYTER_GREEN_TEST_GPU_TESTS_SECONDS:-150} figures_seconds=${JUPYTER_GREEN_TEST_GPU_FIGURES_SECONDS:-240}
install_seconds=${JUPYTER_GREEN_TEST_GPU_INSTALL_SECONDS:-75}

# torch-pruning alone of these needs PyTorch, which is gigabytes and is there already.
wanted=(pytest hypothesis jsonschema torchao) beside=(torch-pruning)

gather() {
  local python=${JUPYTER_GREEN_TEST_GPU_PYTHON:-3.12} maker
  # What a package needs depends on the version of the Python that asks, so that it has to be the same.
  maker=python$python
  "$maker" -m pip --version >/dev/null 2>&1 ||
    stop "Gathering wheels for Python $python takes a $maker with pip here; install it, or name another version in JUPYTER_GREEN_TEST_GPU_PYTHON."
  mkdir -p "$wheels"
  rm -f "$wheels"/jupyter_green-*.whl
  # Ours has the page built in, so that nothing is built there.
  "$maker" -m pip wheel -qq --disable-pip-version-check --no-deps --wheel-dir "$wheels" . || stop "Our own wheel could not be built; what pip said stands above."
  local platforms=()
  for tag in manylinux_2_28 manylinux_2_27 manylinux_2_26 manylinux_2_24 manylinux_2_17 manylinux2014 manylinux_2_12 manylinux2010 manylinux_2_5 manylinux1; do
    platforms+=(--platform "${tag}_x86_64")
  done
  local options=(-qq --disable-pip-version-check --only-binary ':all:' --implementation cp --python-version "$python" "${platforms[@]}")
  "$maker" -m pip download "${options[@]}" --dest "$wheels" "$wheels"/jupyter_green-*.whl "${wanted[@]}" &&
    "$maker" -m pip download "${options[@]}" --no-deps --dest "$wheels" "${beside[@]}" ||
    stop "A package could not be fetched; what pip said stands above."
  printf '%s wheels, %s: carry %s there and run: bash tests/run --gpu %s\n' \
    "$(find "$wheels" -name '*.whl' | wc -l)" "$(du -sh "$wheels" | cut -f1)" "$wheels" "$wheels"
}

# An environment that sees what the machine's Python sees, even where that is an environment itself.
prepare() {
  local python
  python=$(command -v python3) || stop "There is no python3 on the PATH; put the one that has PyTorch there."
  "$python" -c 'import sys, venv, torch, transformers; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
    stop "$python is older than 3.10 or has no PyTorch, no transformers or no venv; put the Python that has both first on the PATH."
  [ -d "$wheels" ] || stop "There is no folder $wheels; make it with 'bash tests/run --gpu-wheels' where there is a network."
  "$python" -m venv --clear --without-pip "$environment" || stop "The environment $environment could not be made; what Python said stands above."
  "$python" - "$environment" <<'PYTHON'
import pathlib, site, sys
(target,) = pathlib.Path(sys.argv[1]).glob("lib/python*/site-packages")
known = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
target.joinpath("machine.pth").write_text("".join(f"{path}\n" for path in known if pathlib.Path(path).is_dir()))
PYTHON
  "$environment/bin/python" -m pip --version >/dev/null 2>&1 ||
    stop "$python has no pip; install it (on Debian and Ubuntu: apt install python3-pip)."
  timeout --kill-after=5 "$install_seconds" "$environment/bin/python" -m pip install -q --disable-pip-version-check --no-index \
    --find-links "$wheels" --no-compile jupyter_green "${wanted[@]}" "${beside[@]}"
  local code=$?
  [ $code -ne 124 ] || stop "Installing from $wheels took more than $install_seconds s; allow more in JUPYTER_GREEN_TEST_GPU_INSTALL_SECONDS, or use a faster disk."
  [ $code -eq 0 ] ||
    stop "A package is missing in $wheels; what pip said stands above. Gather the wheels anew for this Python."
}

failed=()
limited() {
  local name=$1 seconds=$2 began=$SECONDS code
  shift 2
  printf '\n── %s (at most %d s)\n' "$name" "$seconds"
  timeout --kill-after=10 "$seconds" "$@"
  code=$?
  [ $code -ne 124 ] || printf '%s was stopped after %d s.\n' "$name" "$seconds"
  [ $code -eq 0 ] || failed+=("$name")
  printf '── %s: %d s\n' "$name" $((SECONDS - began))
}

if [ "$verb" = --gpu-wheels ]; then
  gather
  exit
fi
prepare
# The checkout is what is tested; the wheel brings its entry points. Nothing may be fetched, whatever asks for it.
export PYTHONPATH=$PWD HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 PIP_NO_INDEX=1 PYTHONUNBUFFERED=1
# Figures first: a test that hangs must not cost them.
limited 'figures' "$figures_seconds" "$environment/bin/python" -m benchmarks.gpu --seconds $((figures_seconds - 15))
limited 'tests on the GPU' "$tests_seconds" "$environment/bin/python" -m pytest -q -m gpu -rs tests/compression/test_gpu.py tests/sensors/test_gpu.py
[ ${#failed[@]} -eq 0 ] || printf '\nFailed: %s\n' "${failed[*]}"
printf '\n%d s in all\n' "$SECONDS"
[ ${#failed[@]} -eq 0 ]
