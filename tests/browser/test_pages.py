"""Pages: several on one kernel, one that is loaded again, one that nobody looks at, one that has lost its server."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.line import Line
from tests.support.browser_page import Desk
from tests.support.lab import Lab

WORK = "import time; time.sleep(0.6)"
LOST = (r"net::ERR_", "WebSocket", "Failed to fetch", "NetworkError", "Connection", "status of (404|500|502|503)")
"""What a page says whose server is gone."""


def test_loaded_again_in_the_middle_of_a_cell(visit: Callable[..., Desk]) -> None:
    """Figures are there at once, while the kernel can't be asked for anything."""
    desk = visit()
    busy, go = desk.held("# still running")
    notebook = desk.metered([WORK, busy], "board")
    notebook.run(0)
    desk.panel.settled(1)
    notebook.start(1)
    expect(desk.panel.power).to_contain_text("simulated now")
    notebook.save()
    desk.reload()
    expect(desk.panel.root).to_be_visible()
    expect(desk.panel.power).to_contain_text("simulated now")
    expect(desk.panel.row("# still running")).to_contain_text("so far")
    assert not go.exists()
    desk.shoot("reloaded", whole=True)
    go.touch()
    desk.panel.settled(2)
    expect(desk.panel.row(WORK)).to_be_visible()


def test_a_second_page(desk: Desk, visit: Callable[..., Desk]) -> None:
    """Both pages tell the same, whichever runs the cell."""
    notebook = desk.metered([WORK, "# other\n" + WORK], "board")
    notebook.run(0)
    desk.panel.settled(1)
    notebook.save()
    other = visit()
    there = other.open_file(notebook.path, "board")
    assert there.kernel == notebook.kernel
    other.panel.settled(1)
    there.run(1)
    other.panel.settled(2)
    desk.panel.settled(2)
    assert desk.panel.total.inner_text() == other.panel.total.inner_text()
    other.close()
    notebook.run(0)
    expect(desk.panel.row(WORK).first).to_contain_text("×2")


def test_nothing_is_sent_that_nobody_sees(lab: Lab, visit: Callable[..., Desk]) -> None:
    """From the next cell on; what ran meanwhile is there when the panel is shown again."""
    with lab.preferring(badge=False, statusBar=False):
        desk = visit()
        notebook = desk.metered([WORK, "# meanwhile\n" + WORK, "# shown again\n" + WORK], "board")
        notebook.run(0)
        desk.panel.settled(1)
        desk.hide_panel()
        # The page says so once nothing was shown for a moment, and the kernel is free.
        desk.heard("false")
        notebook.run(1)
        desk.traffic.spoken.clear()
        notebook.run(1, 1)
        notebook.idle()
        assert [one.text for one in desk.traffic.spoken] == []
        desk.show_panel()
        desk.panel.settled(2)
        expect(desk.panel.row("# meanwhile")).to_contain_text("×3")
        notebook.run(2)
        desk.panel.settled(3)
        assert desk.traffic.snapshots > 0


def test_a_page_behind_another_tab_asks_for_nothing(visit: Callable[..., Desk]) -> None:
    """Badges and the status bar are wanted, but the browser shows another tab."""
    desk = visit()
    notebook = desk.metered([WORK, "# meanwhile\n" + WORK], "board")
    notebook.run(0)
    desk.panel.settled(1)
    desk.exposed(False)
    desk.heard("false")
    desk.traffic.spoken.clear()
    notebook.run(1, 1)
    notebook.idle()
    assert [one.text for one in desk.traffic.spoken] == []
    desk.exposed(True)
    desk.panel.settled(2)
    expect(desk.panel.row("# meanwhile")).to_contain_text("×2")


def test_a_notebook_behind_another_asks_for_nothing(visit: Callable[..., Desk]) -> None:
    """The panel shows another notebook; what ran behind is there when it comes to the front."""
    desk = visit()
    behind = desk.metered([WORK, "# behind\n" + WORK], "board")
    behind.run(0)
    desk.panel.settled(1)
    comm = desk.traffic.newest
    front = desk.metered(["# front\n" + WORK], "board")
    desk.heard("false")
    desk.traffic.spoken.clear()
    behind.execute(1)
    assert [one.text for one in desk.traffic.spoken if comm in one.text] == []
    front.run()
    desk.panel.settled(1)
    assert desk.traffic.snapshots > 0
    behind.show()
    desk.panel.settled(2)
    expect(desk.panel.row("# behind")).to_be_visible()


def test_an_idle_kernel_is_culled_though_a_page_shows_its_panel(
    start: Callable[..., Lab], visit: Callable[..., Desk]
) -> None:
    culling = ("cull_idle_timeout=5", "cull_interval=1", "cull_connected=True")
    server = start(*(f"--MappingKernelManager.{one}" for one in culling))
    desk = visit(server)
    notebook = desk.metered([WORK], "board")
    notebook.run()
    desk.panel.settled(1)
    desk.complaints.expect(*LOST)
    desk.patiently(lambda: server.ask("api/kernels").json == [], "the kernel was not culled")
    expect(desk.panel.empty("no-kernel").or_(desk.panel.empty("disconnected"))).to_be_visible()


def test_a_line_that_is_cut_and_mended(lab: Lab, visit: Callable[..., Desk]) -> None:
    """The kernel goes on counting, and what it counted is there when the connection is."""
    with Line(lab.port) as line:
        desk = visit(base=line.base)
        busy, go = desk.held("# meanwhile")
        notebook = desk.metered([WORK, busy], "board")
        notebook.run(0)
        desk.panel.settled(1)
        notebook.start(1)
        expect(desk.panel.power).to_contain_text("simulated now")
        desk.complaints.expect(*LOST)
        desk.dismissing()
        line.cut()
        lost = desk.panel.empty("disconnected")
        expect(lost).to_contain_text("The page lost the server. The kernel keeps counting")
        expect(desk.panel.total).to_be_visible()
        expect(desk.panel.power).not_to_contain_text("simulated now")
        desk.page.screenshot(path=desk.out("disconnected"))
        go.touch()
        line.mend()
        lost.get_by_role("button", name="Reconnect").click()
        expect(lost).to_have_count(0)
        desk.panel.settled(2)
        expect(desk.panel.row("# meanwhile")).not_to_contain_text("running")


def test_a_server_that_is_started_anew_under_the_page(start: Callable[..., Lab], visit: Callable[..., Desk]) -> None:
    """Its kernels are gone with it; what they used is in the ledger."""
    server = start()
    desk = visit(server)
    notebook = desk.metered([WORK], "board")
    notebook.run()
    desk.panel.settled(1)
    notebook.save()
    desk.complaints.expect(*LOST, "dead", "Kernel")
    desk.dismissing()
    server.__exit__()
    expect(desk.panel.empty("disconnected")).to_be_visible()
    expect(desk.panel.total).to_be_visible()
    server.__enter__()
    desk.panel.empty("disconnected").get_by_role("button", name="Reconnect").click()
    expect(desk.panel.empty("no-kernel")).to_contain_text("Its last run used")
    desk.panel.empty("no-kernel").get_by_role("button", name="Start kernel").click()
    desk.panel.empty("not-loaded").get_by_role("button", name="Start metering").click()
    expect(desk.panel.empty("live")).to_be_visible()
    notebook.run()
    desk.panel.settled(1)
    desk.panel.tab("Runs")
    expect(desk.panel.root.get_by_test_id("green-run-row")).to_have_count(2)
