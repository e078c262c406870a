from __future__ import annotations

import _thread
import os
import socket
import sys
import threading
from pathlib import Path

import pytest

import jupyter_green as green
from jupyter_green.impact import Valuation
from jupyter_green.session import Session, Settings
from jupyter_green.storage import (
    Ledger,
    LedgerError,
    data_folder,
    is_local,
    journal_folder,
    ledger_url,
    mask,
    on_network_filesystem,
)
from jupyter_green.storage.location import first_fault, secrets, sqlite_path


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("JUPYTER_GREEN_LEDGER", raising=False)


def test_default_is_a_file_in_the_data_folder_and_nothing_is_made(tmp_path):
    url = ledger_url()
    assert is_local(url)
    assert sqlite_path(url) == data_folder() / "ledger.sqlite"
    assert not (tmp_path / "data").exists()


def test_the_argument_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_GREEN_LEDGER", "postgresql://db/energy")
    assert ledger_url() == "postgresql+psycopg://db/energy"
    assert sqlite_path(ledger_url(str(tmp_path / "x.sqlite"))) == tmp_path / "x.sqlite"


@pytest.mark.parametrize("written", ["sub/x.sqlite", "sqlite:///sub/x.sqlite", "./sub/../sub/x.sqlite"])
def test_relative_spellings_lead_to_one_file_and_one_journal(tmp_path, monkeypatch, written):
    monkeypatch.chdir(tmp_path)
    whole = str(tmp_path / "sub" / "x.sqlite")
    assert ledger_url(written) == ledger_url(whole)
    assert journal_folder(written) == journal_folder("sqlite:///" + whole)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_leads_to_the_same_journal(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    assert journal_folder(tmp_path / "linked" / "l.sqlite") == journal_folder(tmp_path / "real" / "l.sqlite")


def test_home_is_expanded():
    home = Path(os.environ["HOME"])
    assert sqlite_path(ledger_url("~/a.sqlite")) == home / "a.sqlite"
    assert sqlite_path(ledger_url("sqlite:///~/a.sqlite")) == home / "a.sqlite"


@pytest.mark.parametrize(
    "written", ["postgresql://u:p@h:5432/d", "postgres://u:p@h:5432/d", "postgresql+psycopg://u:p@h:5432/d"]
)
def test_postgresql_is_spoken_with_psycopg(written):
    assert ledger_url(written) == "postgresql+psycopg://u:p@h:5432/d"


@pytest.mark.parametrize(
    "bad",
    [
        "mysql://u:hunter2@h/d",
        "postgresql+asyncpg://u:hunter2@h/d",
        "postgresql://u:hun@ter2@h/d",
        "postgresql://u:hun/ter2@h/d",
        "postgresql://u:5/hunter2@h/d",
        "postgresql://u:hunter2@h:port/d",
        "postgresql://u:hunter2@h",
        "postgresql://h/d?hunter2",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://x.sqlite",
        "sqlite:///x.sqlite?mode=ro",
        ":memory:",
        "http:/x",
        "",
        "   ",
    ],
)
def test_a_bad_url_is_one_sentence_without_its_password(bad):
    with pytest.raises(ValueError, match=r"\S") as error:
        ledger_url(bad)
    text = str(error.value)
    assert "\n" not in text
    assert text.endswith((".", ")."))
    if "?hunter2" not in bad:
        assert "hunter2" not in text
        assert "ter2@" not in text


def test_a_folder_is_refused(tmp_path):
    """The URL is one, so that a kernel starts and meters; opening it says what to do, and nothing is made."""
    with Ledger(tmp_path) as ledger, pytest.raises(LedgerError, match="is a folder; name a file in it") as error:
        ledger.records()
    assert first_fault(ledger_url(tmp_path)) == str(error.value)
    assert not list(tmp_path.glob("*.sqlite*"))


@pytest.mark.parametrize(
    ("place", "reason"),
    [("new/and/new/ledger.sqlite", None), ("file/ledger.sqlite", "file is not a folder"), ("file", None)],
)
def test_what_is_plainly_wrong_is_known_before_the_ledger_is_opened(tmp_path, place, reason):
    (tmp_path / "file").write_text("")
    fault = first_fault(ledger_url(tmp_path / place))
    assert fault is None if reason is None else reason in fault


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:geheim@h:5432/d", "postgresql://u:***@h:5432/d"),
        ("postgresql://u@h/d?password=geheim&sslmode=require", "postgresql://u@h/d?password=***&sslmode=require"),
        ("postgresql://u@h/d?sslmode=require&PassWord=geheim", "postgresql://u@h/d?sslmode=require&PassWord=***"),
        ("postgresql://u@h/d?p%61ssword=geheim", "postgresql://u@h/d?p%61ssword=***"),
        ("postgresql://:geheim@/d?host=/tmp/x", "postgresql://:***@/d?host=/tmp/x"),
        ("postgresql://h:5432/d", "postgresql://h:5432/d"),
        ("postgresql://u:ge@he/im?x@h/d", "postgresql://u:***@h/d"),
        ("sqlite:////a/b@c:d", "sqlite:////a/b@c:d"),
        ("postgresql://u%3Ageheim@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u;geheim@h/d", "postgresql://u:***@h/d"),
        ("postgresql://h/d?user=u:geheim", "postgresql://h/d?user=***"),
        ("postgresql://u@h/d?options=-c%20password%3Dgeheim", "postgresql://u@h/d?options=***"),
        ("postgresql://u@h/d?apikey=geheim&target_session_attrs=any", None),
        ("PGPASSWORD=geheim postgresql://h/d", "PGPASSWORD=*** postgresql://h/d"),
    ],
)
def test_passwords_are_masked(url, shown):
    assert mask(url) == (shown or url.replace("geheim", "***"))


def test_every_spelling_of_a_password_is_known():
    assert set(secrets("postgresql://u:ge%20heim@h/d?sslpassword=xyz")) == {"ge%20heim", "ge heim", "xyz"}


def test_two_ledgers_never_share_journals_and_a_new_password_strands_none():
    one = journal_folder("postgresql://u:old@h/one")
    assert one != journal_folder("postgresql://u:old@h/two")
    assert one != journal_folder("postgresql://other:old@h/one")
    assert one != journal_folder()
    assert one == journal_folder("postgres://u:new@h/one")
    assert one.parent == data_folder() / "journal"
    assert len(one.name) == 12


MOUNTS = """\
20 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
21 20 0:30 / {0}/lab rw shared:2 - nfs4 server:/lab rw
22 20 0:31 / {0}/lab/scratch rw - xfs /dev/vdb rw
23 20 0:32 / {0}/my\\040disk rw - fuse.sshfs me@host: rw
24 20 0:33 / {0}/over rw - cifs //srv/x rw
25 20 0:34 / {0}/over rw - tmpfs tmpfs rw
garbage line
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="told on Linux only")
@pytest.mark.parametrize(
    ("path", "network"),
    [
        ("home/x", False),
        ("lab/x/y", True),
        ("lab", True),
        ("laboratory/x", False),
        ("lab/scratch/x", False),
        ("my disk/ledger.sqlite", True),
        ("over/x", False),
    ],
)
def test_network_file_systems_are_told_from_the_mount_table(tmp_path, path, network):
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS.format(tmp_path))
    assert on_network_filesystem(tmp_path / path, mounts=table) is network


def test_without_a_mount_table_nothing_is_claimed(tmp_path, monkeypatch):
    assert on_network_filesystem(tmp_path, mounts=tmp_path / "absent") is False
    monkeypatch.setattr(sys, "platform", "darwin")
    assert on_network_filesystem(tmp_path) is False


# ---- mistyped URLs ------------------------------------------------------------------------------------

MISTYPED = (
    *("postgres:/u:{0}@h/d", "postgresql+psycopg2//u:{0}@h/d", "postgresql+psycopg2://u:{0}@h/d", "//u:{0}@h/d"),
    *(
        "u:{0}@h/d",
        "u:/{0}@h/d",
        "user:{0}@h",
        "POSTGRES:/u:{0}@h",
        "postgresql: //u:{0}@h/d",
        "postgresql ://u:{0}@h/d",
    ),
    *('"postgresql://u:{0}@h/d"', "'u:{0}@h'", "<postgresql://u:{0}@h/d>", "postgresql;//u:{0}@h/d"),
    *("host=h user=u password={0} dbname=d", "host=h password = '{0} x'", "h/d?user=u&password={0}", "d&pwd={0}"),
    *("sqlite://u:{0}@h/d", "sqlite:///u:{0}@h/d", "sqlite:/u:{0}@h", "file:x?password={0}", "~none/x?password={0}"),
    *("postgresql://u:{0}/d", "jdbc:postgresql://u:{0}@h/d", "postgresql:\\\\u:{0}@h", "postgresql/u:{0}@h/d"),
    *("mysql://u:{0}@h/d", "https://u:{0}@h/d", "postgresql://u:{0}@h:port/d", "postgresql://u:{0}@h"),
    *("postgresql://u:p@{0}@h/d", "postgresql://u:{0}@h/d#x", "postgresql://u:{0}@h/a/b", "postgresql://u:{0}@[::1/d"),
    *("postgresql://h/d?password={0}&x", "postgresql//h/d?PassWord={0}", "postgresql://h?pass%77ord={0}"),
    "PGPASSWORD={0} postgresql://h/d",
)


@pytest.mark.parametrize("text", MISTYPED)
@pytest.mark.parametrize("by_variable", [False, True], ids=["given", "variable"])
def test_a_mistyped_url_is_refused_and_its_password_said_nowhere(text, by_variable, monkeypatch, own_place):
    url = text.format("hunter2")
    assert "hunter2" not in mask(url)
    if by_variable:
        monkeypatch.setenv("JUPYTER_GREEN_LEDGER", url)
    with pytest.raises(ValueError, match=r"^[^\n]+$") as refused:
        ledger_url(None if by_variable else url)
    error: BaseException | None = refused.value
    while error is not None:
        assert "hunter2" not in f"{error!r}"
        error = error.__cause__ or error.__context__
    assert list(own_place.iterdir()) == []


@pytest.mark.parametrize("path", ["me@corp/x.sqlite", "it's/x.sqlite", "a b/x.sqlite", "a//b.db", "day-1T10:00/x.db"])
def test_a_plain_path_is_none(path, own_place):
    assert ledger_url(own_place / path) == f"sqlite:///{own_place / path}"


# ---- tracebacks --------------------------------------------------------------------------------------


def local_variables(error: BaseException) -> str:
    """Return what a traceback with local variables (``%xmode Verbose``) shows of this package and its libraries."""
    shown, trace = [], error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename) != Path(__file__):
            shown += [repr(value) for value in trace.tb_frame.f_locals.values()]
        trace = trace.tb_next
    assert shown
    assert error.__suppress_context__ or error.__context__ is None
    return "\n".join(shown)


BAD = (
    "postgresql://ann:s3cret@host/db@x#",
    "postgres:/ann:s3cret@host/db",
    "mysql://ann:s3cret@host/db",
    "sqlite://ann:s3cret@host",
    "postgresql://ann:s3cret@host:port/db",
    "postgresql://ann:s3cret@host",
)


@pytest.mark.parametrize("url", BAD)
def test_local_variables_of_a_refusal_hold_no_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for use in (green.ledger, Ledger, ledger_url, journal_folder, lambda url: Settings.from_environment(ledger=url)):
        with pytest.raises(ValueError, match=r"^[^\n]+$") as refused:
            use(url)
        assert "s3cret" not in f"{refused.value}{local_variables(refused.value)}"
    monkeypatch.setenv("JUPYTER_GREEN_LEDGER", url)
    for use_environment in (green.ledger, ledger_url, Settings.from_environment, Session):
        with pytest.raises(ValueError, match=r"^[^\n]+$") as refused:
            use_environment()
        assert "s3cret" not in f"{refused.value}{local_variables(refused.value)}"


def test_local_variables_of_settings_hold_no_other_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_GREEN_LEDGER", "postgresql://ann:s3cret@host/db")
    monkeypatch.setenv("CLOUD_KEY", "s3cret")
    monkeypatch.setenv("JUPYTER_GREEN_PUE", "99")
    for use in (Settings.from_environment, Valuation.from_environment):
        with pytest.raises(ValueError, match="JUPYTER_GREEN_PUE") as refused:
            use()
        assert "s3cret" not in local_variables(refused.value)


@pytest.mark.parametrize(
    "form", ["postgresql://ann:s3cret@127.0.0.1:{}/db", "postgresql://127.0.0.1:{}/db?password=s3cret"]
)
def test_an_interrupted_connection_shows_no_password(form: str) -> None:
    """A driver's frames hold the password; an interrupt while it connects leaves them out."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            connection = server.accept()[0]  # never answered
            _thread.interrupt_main()
            held.append(connection)

        held: list[socket.socket] = []
        thread = threading.Thread(target=accept)
        thread.start()
        ledger = Ledger(form.format(server.getsockname()[1]), timeout=60)
        with pytest.raises(KeyboardInterrupt) as interrupted:
            ledger.records()
        thread.join()
        held[0].close()
    assert "s3cret" not in local_variables(interrupted.value)
    assert "s3cret" not in f"{vars(ledger)}{vars(ledger._database)}{ledger._database._postgresql()}"


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of this kind there")
@pytest.mark.parametrize("kind", ["pipe", "socket", "/dev/zero", "/dev/full"])
def test_a_pipe_or_a_device_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "l.sqlite"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    else:
        path.symlink_to(kind)
    with Ledger(path) as ledger, pytest.raises(LedgerError, match=r"is a pipe, a socket or a device; name a file\.$"):
        ledger.records()
