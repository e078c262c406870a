"""What comes in by a file or a journal and is not a record is rejected; everything else gets in and is read."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_green.records import Component, EnergyRecord
from jupyter_green.storage import Journal, Ledger, LedgerError, journal_folder
from jupyter_green.storage.privacy import plain
from jupyter_green.storage.record_rows import RecordRow, record_of

Make = Callable[..., EnergyRecord]
LONG = "".join(chr(33 + number * 7 % 9000) for number in range(5000))
"""A text that no index of PostgreSQL holds, whatever it is compressed to."""
NESTED = b"[" * 100_000
ODD: tuple[Any, ...] = (
    *(None, True, -1, 2**31, 2**63, 10**400, 1.5, float("nan"), float("inf"), 1e308, "", "x", "\0", "\ud800", LONG),
    *([], {}, [1], {"a": 1}),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([field.name for field in fields(EnergyRecord) if field.init]),
    st.sampled_from([field.name for field in fields(Component)]),
    st.sampled_from(ODD),
)
def test_what_is_stored_can_be_read(record: Make, name: str, part: str, odd: Any) -> None:
    """Each field of a record and of a device with each odd value: refused in a sentence, or read as it was."""
    made = record().to_dict()
    for data in ({**made, name: odd}, {**made, "components": [{**made["components"][0], part: odd}]}):
        try:
            entry = RecordRow.of(EnergyRecord.from_dict(json.loads(json.dumps(data))))
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
            assert len(str(error)) < 400  # noqa: PT017 - only what is refused has a sentence
            continue
        assert record_of(entry.record["document"], entry.record["trace"]).id == entry.id
        for value in (*entry.record.values(), *entry.components[0].values()) if entry.components else ():
            assert value is None or isinstance(value, (str, int, float))


@pytest.mark.parametrize(
    "line",
    [
        NESTED,
        b'{"schema": ' + NESTED,
        b"9" * 9000,
        *(
            json.dumps({"posting": 1, "id": "p", "kind": "budget", "made_at": 1.0, "document": {}, **odd}).encode()
            for odd in (
                {"document": {"amount": float("nan")}},
                {"made_at": 10**400},
                {"made_at": 1e308},
                {"kind": LONG},
                {"posting": LONG},
                {"id": LONG},
                {"id": "\ud800"},
            )
        ),
    ],
    ids=lambda line: line[:20].decode(),
)
def test_a_line_that_is_none_is_one_short_sentence(any_url: str, tmp_path: Path, record: Make, line: bytes) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(json.dumps(record().to_dict()).encode() + b"\n" + line + b"\n")
    with Ledger(any_url) as ledger:
        with pytest.raises(LedgerError, match=r"^Nothing was imported: line 2 of [^\n]+$") as refused:
            ledger.import_(path)
        assert len(str(refused.value)) < 400
        assert len(ledger.records()) == 0


def test_long_texts_are_kept_and_found(any_url: str, tmp_path: Path, record: Make) -> None:
    texts = {"run_id": LONG, "cell_id": LONG, "notebook": LONG, "project": LONG, "parent": LONG, "code_hash": LONG}
    other = {name: text + "other" for name, text in texts.items()}
    with Ledger(any_url, share=["notebook", "cell_id", "label", "project"]) as ledger:
        ledger.add([record(1.0, **texts), record(2.0, **other)])
        assert {one.run_id for one in ledger.records()} == {LONG, LONG + "other"}
        for name in ("run", "cell_id", "notebook", "project", "code_hash"):
            (found,) = ledger.records(**{name: LONG})
            assert found.joules == 1.0
        ledger.keep_baseline(LONG, "kept", head={}, document={"cells": []}, made_at=1.0)
        assert ledger.baseline(LONG, "kept") == {"cells": []}
        assert ledger.baseline(LONG + "other", "kept") is None
        assert ledger.export(tmp_path / "out.jsonl") == 2
    assert plain(plain(LONG)) == plain(LONG)


def test_a_journal_with_odd_lines_holds_up_nothing(any_url: str, record: Make) -> None:
    """What is not a record stays in its journal; the others of that journal, and the journals after it, come in."""
    folder = journal_folder(any_url)
    odd = ({"execution_count": 2**70}, {"run_id": None}, {"id": "\ud800"}, {"seconds": 10**400}, {"cell_id": LONG})
    for number, changes in enumerate(odd):
        journal = Journal(folder, {"owner": "alice", "host": 5})
        for change in (changes, {}):
            one = record(1.0).to_dict() | {"id": f"{number}-{len(change)}"} | change
            journal.write("final", one["id"], 0.0, one)
        journal.close()
    for name, lines in {
        "0.jsonl": NESTED,
        "1.jsonl": b'{"event": "end", "moved": 5}',
        "2.jsonl": b"[]\n5\nnull",
    }.items():
        (folder / name).write_bytes(lines + b"\n")
    with Ledger(any_url, share=["cell_id"]) as ledger:
        for _ in range(2):
            ledger.drain()
            assert {one.id for one in ledger.records()} == {"0-0", "1-0", "2-0", "3-0", "4-0", "4-1"}
        assert (
            sum("lines that are not records" in notice for notice in ledger.notices)
            == len(list(folder.glob("*.jsonl")))
            == 4
        )


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of this kind there")
def test_only_one_s_own_files_are_journals(file_url: str, tmp_path: Path, record: Make) -> None:
    """A pipe would be waited for without end; a link or another person's file is none of ours to read or remove."""
    folder = journal_folder(file_url)
    folder.mkdir(parents=True)
    one = record()
    elsewhere = tmp_path / "elsewhere.jsonl"
    elsewhere.write_text(json.dumps({"event": "final", "id": one.id, "at": 0.0, "record": one.to_dict()}) + "\n")
    (folder / "link.jsonl").symlink_to(elsewhere)
    (folder / "device.jsonl").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "folder.jsonl").mkdir()
    if os.geteuid() == 0:
        (folder / "bobs.jsonl").write_text(elsewhere.read_text())
        os.chown(folder / "bobs.jsonl", 54321, 54321)
    before = sorted(folder.iterdir())
    with Ledger(file_url) as ledger:
        assert len(ledger.records()) == 0
    assert sorted(folder.iterdir()) == before
