"""Every window has an owner: work that raises or is given up ends where it was last seen alive."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from jupyter_green.sensors import Discovery
from jupyter_green.sensors.cpu_model import ProcessorModel
from jupyter_green.session import Session
from jupyter_green.session.owner import Owner
from jupyter_green.session.session import ABANDONED


@pytest.fixture
def session() -> Iterator[Session]:
    made = Session(discovery=Discovery((ProcessorModel(),)))
    yield made
    made.end()


def test_a_window_whose_thread_has_died_is_closed_where_it_was_last_seen(session: Session) -> None:
    window, go = session.window(), threading.Event()

    def work() -> None:
        window.__enter__()
        go.wait()

    thread = threading.Thread(target=work)
    thread.start()
    while window.seen is None:  # the sampler has looked for it
        pass
    go.set()
    thread.join()
    record = window.wait(30.0) if window.closed else None
    while record is None or not record.final:
        session.hurry()
        record = window.wait(30.0) if window.closed else None
    assert (record.status, record.notes) == ("error", (ABANDONED,))
    assert window.closed == window.seen
    assert session.open_windows() == ()


def test_what_a_cell_that_raised_left_open_ends_with_it(session: Session) -> None:
    left, other = session.window(label="left"), session.window(label="of another thread")
    other.owner = Owner(threading.Thread(target=threading.Event().wait, daemon=True))
    other.owner.thread.start()

    def cell() -> None:
        session.open(left)
        session.open(other)
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"), session.window("cell"):
        cell()
    assert (left.closed is not None, left.status) == (True, "error")
    assert session.open_windows() == (other,)


def test_what_a_cell_left_open_on_purpose_stays_open(session: Session) -> None:
    left = session.window()
    with session.window("cell"):
        session.open(left)
    with pytest.raises(ValueError, match="bad"), session.window("cell"):
        raise ValueError("bad")
    assert left.closed is None


def test_a_call_is_alive_while_it_is_on_its_threads_stack() -> None:
    def inner() -> Owner:
        owner = Owner.here(__name__.partition(".")[0])
        assert owner.alive()
        return owner

    assert not Owner(threading.Thread()).alive()
    owner = inner()
    assert owner.code is not None
    assert owner.alive()  # its outermost call is this test
    assert not Owner(owner.thread, 1, owner.code).alive()
