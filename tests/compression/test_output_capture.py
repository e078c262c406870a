"""What libraries print, log and write below Python while a search works does not reach the cell; all else does."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_green.compression.process.output_capture import captured_output, heard
from tests.support.kernel import running

LOUD = """
import ctypes, logging, os, subprocess, sys, warnings
import torch, jupyter_green as green
from jupyter_green.compression.recipes.recipe import RecipeResult

torch.set_num_threads(1)
handler = logging.StreamHandler()
logging.getLogger("a library").addHandler(handler)


def noise():
    print("printed")
    print("printed", file=sys.stderr)
    os.write(1, b"below\\n")
    os.write(2, b"below\\n")
    ctypes.CDLL(None).puts(b"by C")
    logging.getLogger("a library").warning("logged")
    logging.getLogger("another one").warning("logged")
    logging.getLogger("made here").addHandler(logging.StreamHandler())
    warnings.warn("warned")
    subprocess.run(["echo", "by a child"], check=True)


class Loud:
    name, trains = "loud", False

    def applies(self, case):
        noise()

    def apply(self, case):
        noise()
        case.tick()
        return RecipeResult(case.subject.model)


class LoudLearner(Loud):
    name, trains = "a loud learner", True


model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.Linear(32, 3)).eval()
x = torch.randn(300, 8)
said = []
PLACES = "[os.fstat(number).st_ino for number in (1, 2)]"
before = eval(PLACES)
"""
SEARCH = (
    "result = green.shrink(model, (x, model(x).argmax(-1)), recipes=[Loud(), LoudLearner()], time=60, "
    "progress=False, say=lambda what, share: (said.append(what), print('said', flush=True))[0])"
)
AFTER = "noise(); logging.getLogger('made here').warning('still there')"


@pytest.mark.shell
def test_a_cell_holds_what_is_meant_and_no_more(tmp_path: Path) -> None:
    # With this ipykernel would not listen to what is written below Python.
    with running(tmp_path, PYTEST_CURRENT_TEST=None) as kernel:
        assert kernel.run("%load_ext jupyter_green").status == "ok"
        assert kernel.run(LOUD).status == "ok"
        done = kernel.run(SEARCH)
        assert done.status == "ok", done
        streams = [message for message in done.others if message.type == "stream"]
        assert {line for message in streams for line in message.content["text"].split("\n")} == {"said", ""}
        assert kernel.json("{'loud', 'a loud learner'} <= set(said)")
        assert kernel.json("[row.name for row in result.candidates if row.standing == 'failed']") == []
        assert kernel.json("eval(PLACES) == before")
        after = kernel.run(AFTER).text("stream")
        for word in ("printed", "logged", "warned", "still there"):
            assert word in after


def test_all_is_put_back_after_an_interrupt_too(capfd: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler()
    logging.getLogger("tests.silence").addHandler(handler)
    assert logging.lastResort is not None
    logging.getLogger("tests.silence.last").addHandler(logging.lastResort)  # its stream can't be set
    streams = sys.stdout, sys.stderr, handler.stream
    with contextlib.suppress(KeyboardInterrupt), captured_output(), captured_output():
        print("nothing")
        os.write(2, b"nothing")
        logging.getLogger("tests.silence").warning("nothing")
        subprocess.run(["echo", "nothing"], check=True)
        with heard():
            print("heard", flush=True)
        ctypes.CDLL(None).puts(b"nothing")
        raise KeyboardInterrupt
    logging.getLogger("tests.silence").removeHandler(handler)
    logging.getLogger("tests.silence.last").removeHandler(logging.lastResort)
    assert (sys.stdout, sys.stderr, handler.stream) == streams
    os.write(1, b"after\n")
    found = capfd.readouterr()
    assert (found.out, found.err) == ("heard\nafter\n", "")


def test_closed_streams_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with captured_output():
        print("nothing")
    assert sys.stdout is None
