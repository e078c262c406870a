"""Each part of the package without the others: it does what it can, and says in a sentence what is missing."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.browser_page import Desk
from tests.support.lab import Lab

WORK = "import time; time.sleep(0.6)"
MISSING = r"status of 404 .*jupyter-green/v1/"


def test_without_the_servers_part(start: Callable[..., Lab], visit: Callable[..., Desk]) -> None:
    """Live figures work, history does not, and one question is all that is asked of the server."""
    server = start(extensions={"jupyter_green": False})
    assert server.green("health").status == 404
    desk = visit(server)
    desk.complaints.expect(MISSING)
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))
    notebook = desk.metered([WORK, WORK], "board")
    notebook.run()
    desk.panel.settled(2)
    expect(desk.panel.total).to_contain_text("simulated")
    desk.panel.tab("Runs")
    empty = desk.panel.empty("no-history")
    expect(empty).to_contain_text("This server has no history: its part of jupyter_green is missing.")
    expect(desk.panel.root.get_by_test_id("green-run-row")).to_have_count(1)
    desk.shoot("no-server-part")
    assert len([url for url in asked if "jupyter-green" in url]) <= 1
    empty.get_by_role("button", name="Try again").click()
    expect(empty).to_be_visible()


def test_without_the_pages_part(start: Callable[..., Lab], visit: Callable[..., Desk]) -> None:
    """Records are drawn as the HTML that they bring, cells run as ever, and the kernel stops speaking to nobody."""
    server = start(switched_off=["jupyter-green"])
    desk = visit(server, panel=False)
    assert desk.ask("() => jupyterapp.listPlugins().filter(id => id.startsWith('jupyter-green:'))") == []
    desk.complaints.expect("Exception opening new comm|jupyter_green")
    notebook = desk.open(
        ["%load_ext jupyter_green", "%%energy\n" + WORK, "print('as ever')", "print('again')"], "board"
    )
    notebook.run()
    assert notebook.outputs(2) == "as ever\n"
    expect(notebook.cell(1)).to_contain_text("GPU simulated")
    notebook.cell(1).screenshot(path=desk.out("record-without-page"))
    assert len([said for said in desk.complaints.heard if "comm" in said]) <= 1
    desk.unharmed()


def test_without_any_part_but_the_kernels_package(start: Callable[..., Lab], visit: Callable[..., Desk]) -> None:
    server = start(switched_off=["jupyter-green"], extensions={"jupyter_green": False})
    desk = visit(server, panel=False)
    desk.complaints.expect("Exception opening new comm|jupyter_green")
    notebook = desk.open(["%load_ext jupyter_green", "%%energy -o used\n" + WORK, "print(used.quality)"], "board")
    notebook.run()
    assert notebook.outputs(2) == "simulated\n"
