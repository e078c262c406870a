import json, os, subprocess, sys


def test_n(tmp_path):
    for extra in ({}, {"PYTHONPROFILEIMPORTTIME": ""}):
        done = subprocess.run(
            [sys.executable, "-m", "tests.magics.interrupted"],
            env={**os.environ, "PYTHONPATH": "/work/main", **extra},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        d = json.loads(done.stdout)
        print(d["tried"], len(d["wrong"]), d["problem"])
    print({k: v for k, v in os.environ.items() if "PY" in k or "IPY" in k})
