"""A page with JupyterLab in a real Chromium, and the notebooks that are open in it.

Notebooks are opened and run by JupyterLab's own commands; the panel is used as a person uses it. Everything waits for
what it needs and never for a time, so that a slow machine only makes it longer. What the page complains of is kept,
and fails a test that did not expect it.
"""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, WebSocket, expect

from tests.support.jupyter_server import TOKEN
from tests.support.lab import Lab

PATIENCE = 1000 * float(os.environ.get("JUPYTER_GREEN_TEST_PATIENCE", "60"))
"""Milliseconds after which something counts as hung; far above anything a slow machine needs."""

OUT = Path(__file__).parents[1] / "out" / "browser"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark", "contrast": "JupyterLab Dark High Contrast"}
WIDTHS = {"narrow": 280, "wide": 460}

FIND = "[...jupyterapp.shell.widgets('main')].find(each => each.context?.path === path)"

Cells = Sequence[str | Mapping[str, Any]]


HARMLESS = (
    "Comm not found for comm id",
    "Canceled future for create_subshell_request",
    r"Error: Disposed\s+at \S+\._handleNewSession ",
)
"""What JupyterLab says of its own: where a comm is closed that was opened to another page, or before a restart; where
a kernel is ended before it has answered a wish for a subshell; where a notebook is closed while its kernel starts."""


class Complaints:
    """What a page wrote to its console as errors, and what nobody in it caught."""

    def __init__(self, page: Page) -> None:
        self.heard: list[str] = []
        self._expected: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.heard.append(f"not caught: {error.stack or error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.heard.append(f"{message.text} {message.location.get('url', '')}".strip())

    def expect(self, *patterns: str) -> None:
        """Complaints that match any of these are a test's own doing."""
        self._expected += patterns

    def take(self) -> list[str]:
        """Return the unexpected ones, and forget all."""
        known = (*HARMLESS, *self._expected)
        found = [said for said in self.heard if not any(re.search(pattern, said) for pattern in known)]
        self.heard.clear()
        self._expected.clear()
        return found


@dataclass(frozen=True)
class Spoken:
    """A message of the link on a page's way to its kernels or back."""

    sent: bool
    text: str


class Traffic:
    """All messages of the link that pass through a page's sockets, read off the wire."""

    def __init__(self, page: Page) -> None:
        self.spoken: list[Spoken] = []
        self._ours: set[str] = set()
        page.on("websocket", self._follow)

    def _follow(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: self._hear(payload, sent=True))
        socket.on("framereceived", lambda payload: self._hear(payload, sent=False))

    def _hear(self, payload: str | bytes, *, sent: bool) -> None:
        text = payload if isinstance(payload, str) else payload.decode("utf-8", "replace")
        if "comm_" not in text:
            return
        found = re.search(r'"comm_id": ?"([^"]+)"', text)
        comm = found.group(1) if found else ""
        if "jupyter_green" in text and '"comm_info' not in text:
            self._ours.add(comm)
        if comm in self._ours:
            self.spoken.append(Spoken(sent, text))

    @property
    def newest(self) -> str:
        """The comm through which the last message passed."""
        found = re.search(r'"comm_id": ?"([^"]+)"', self.spoken[-1].text)
        assert found is not None
        return found.group(1)

    @property
    def snapshots(self) -> int:
        """How many snapshots came."""
        return sum(not one.sent and '"snapshot"' in one.text for one in self.spoken)


@dataclass
class Running:
    """A cell that was started, or several, one after the other."""

    desk: Desk
    key: str

    def wait(self) -> None:
        """Wait until it has ended, well or not."""
        self.desk.until("key => window.greenRuns?.[key] !== 'running'", self.key)

    @property
    def goes_on(self) -> bool:
        return bool(self.desk.ask("key => window.greenRuns?.[key] === 'running'", self.key))


@dataclass
class Notebook:
    """A notebook that is open in a page."""

    desk: Desk
    path: str
    ids: list[str] = field(default_factory=list)

    # ---- cells --------------------------------------------------------------------------------

    def run(self, *indices: int) -> None:
        """Run cells to their ends, one after another; all of them where none is named."""
        for index in indices or range(len(self.ids)):
            self.start(index).wait()

    def start(self, index: int = 0) -> Running:
        """Run a cell as one does who presses Ctrl and Enter, and go on."""
        key = uuid.uuid4().hex
        self.ask(
            """([index, key]) => {
                const { content, id } = panel;
                jupyterapp.shell.activateById(id);
                content.deselectAll();
                content.activeCellIndex = index;
                content.mode = 'command';
                window.greenRuns ??= {};
                window.greenRuns[key] = 'running';
                const ended = () => { window.greenRuns[key] = 'ended'; };
                jupyterapp.commands.execute('notebook:run-cell').then(ended, ended);
            }""",
            [index, key],
        )
        return Running(self.desk, key)

    def execute(self, index: int) -> None:
        """Run a cell to its end where it is, without a look at it."""
        self.ask(
            """async index => {
                const cell = panel.content.model.cells.get(index);
                const { kernel } = panel.sessionContext.session;
                await kernel.requestExecute({ code: cell.sharedModel.source }, true, { cellId: cell.id }).done;
            }""",
            index,
        )

    def outputs(self, index: int = 0) -> str:
        """What a cell has printed or shown, as text."""
        found: str = self.ask(
            """index => panel.content.widgets[index].model.outputs.toJSON()
                .map(one => one.text ?? one.data?.['text/plain'] ?? one.evalue ?? '').flat().join('')""",
            index,
        )
        return found

    def cell(self, index: int) -> Locator:
        """The element of a cell."""
        return self.element.locator(".jp-Cell").nth(index)

    @property
    def element(self) -> Locator:
        return self.desk.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    # ---- kernel -------------------------------------------------------------------------------

    @property
    def kernel(self) -> str | None:
        """The kernel's id."""
        found: str | None = self.ask("() => panel.sessionContext.session?.kernel?.id ?? null")
        return found

    def idle(self) -> None:
        """Wait until the kernel is there and idle."""
        self.desk.until(
            f"path => ({FIND})?.sessionContext.session?.kernel?.status === 'idle'",
            self.path,
        )

    def busy(self) -> None:
        """Wait until the kernel runs something."""
        self.desk.until(f"path => ({FIND})?.sessionContext.session?.kernel?.status === 'busy'", self.path)

    def interrupt(self) -> None:
        self.ask("() => panel.sessionContext.session.kernel.interrupt()")

    def restart(self) -> None:
        """Restart the kernel, as the menu does once a person has agreed."""
        self.ask("() => panel.sessionContext.session.kernel.restart()")

    def change_kernel(self, name: str) -> None:
        """Move to a fresh kernel of another kind."""
        self.ask("name => panel.sessionContext.changeKernel({ name })", name)

    def shut_down(self) -> None:
        """End the kernel and have none."""
        self.ask("() => panel.sessionContext.shutdown()")

    # ---- the notebook itself ------------------------------------------------------------------

    def show(self) -> None:
        """Bring it to the front."""
        self.ask("() => jupyterapp.shell.activateById(panel.id)")

    def save(self) -> None:
        self.ask("() => panel.context.save()")

    def rename(self, name: str) -> None:
        self.ask("name => panel.context.rename(name)", name)
        self.path = name

    def close(self) -> None:
        self.ask("() => panel.dispose()")

    def ask(self, function: str, argument: Any = None) -> Any:
        """Call a function of the page in which `panel` is this notebook's."""
        return self.desk.page.evaluate(
            f"([path, argument]) => {{ const panel = {FIND}; return ({function})(argument); }}", [self.path, argument]
        )


class Panel:
    """The energy panel of a page, in the side bar or in the main area."""

    def __init__(self, root: Locator) -> None:
        self.root = root

    @property
    def total(self) -> Locator:
        return self.root.get_by_test_id("green-total")

    @property
    def power(self) -> Locator:
        return self.root.get_by_test_id("green-power")

    @property
    def baseline(self) -> Locator:
        return self.root.get_by_test_id("green-baseline")

    @property
    def rows(self) -> Locator:
        """Rows of cells."""
        return self.root.get_by_test_id("green-cell-row")

    def row(self, text: str) -> Locator:
        """The row whose source holds a text."""
        return self.rows.filter(has_text=text)

    def empty(self, kind: str) -> Locator:
        """The sentence and the step of a state without figures."""
        return self.root.locator(f'[data-testid="green-empty"][data-state="{kind}"]')

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def tab(self, name: str) -> None:
        self.root.get_by_role("tab", name=name).click()

    def settled(self, count: int) -> None:
        """Wait until so many cells are told, all with their final figures."""
        expect(self.rows).to_have_count(count)
        expect(self.rows.filter(has_text="so far")).to_have_count(0)

    def choose(self, item: str) -> None:
        """Choose from the menu behind the three dots."""
        self.root.get_by_role("button", name=re.compile("^More")).click()
        self.root.get_by_role("menu").get_by_text(item, exact=True).click()


class Desk:
    """One page.

    Parameters
    ----------
    context : BrowserContext
        Where it is opened.
    lab : Lab
        The server.
    base : str, optional
        Another way to the server, such as a line that can be cut.
    """

    def __init__(self, context: BrowserContext, lab: Lab, base: str | None = None) -> None:
        self.lab = lab
        self.base = base or lab.url("").rstrip("/")
        self.workspace = uuid.uuid4().hex
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.add_init_script("window.greenBroken = [];")
        self.complaints = Complaints(self.page)
        self.traffic = Traffic(self.page)
        self.dialogs: list[str] = []
        self.page.on("dialog", self._dismiss)

    def _dismiss(self, dialog: Any) -> None:
        if dialog.type == "beforeunload":
            dialog.accept()
        else:
            self.dialogs.append(dialog.message)
            dialog.dismiss()

    # ---- life ---------------------------------------------------------------------------------

    def visit(self, *, panel: bool = True) -> Desk:
        """Open JupyterLab in a fresh workspace; with the panel where it is not told otherwise."""
        self.page.goto(f"{self.base}/lab/workspaces/{self.workspace}?reset&token={TOKEN}")
        self.ready()
        if panel:
            self.show_panel()
        return self

    def reload(self) -> None:
        """Load the page again, as one does who presses F5 once JupyterLab has kept what is open."""
        open_here = self.ask(
            """() => [jupyterapp.shell.rightCollapsed ? '' : 'jupyter-green-panel',
                ...[...jupyterapp.shell.widgets('main')].map(each => each.context?.path ?? each.id)]"""
        )
        kept = f"lab/api/workspaces/{self.workspace}"
        self.patiently(
            lambda: all(name in self.lab.ask(kept).body.decode() for name in open_here), "the layout was not kept"
        )
        self.page.goto(f"{self.base}/lab/workspaces/{self.workspace}")
        self.ready()

    def ready(self) -> None:
        """Wait until JupyterLab is there with all it had."""
        self.until("() => Boolean(window.jupyterapp)")
        self.ask("async () => { await jupyterapp.started; await jupyterapp.restored; }")
        expect(self.page.locator("#main")).to_be_visible()

    def clear(self) -> None:
        """Close all notebooks and end their kernels, without a question; nothing of a test is left."""
        self.page.keyboard.press("Escape")
        self.show_panel()
        self.panel.tab("Now")
        self.ask(
            """async () => {
                for (const widget of [...jupyterapp.shell.widgets('main')]) {
                    if (widget.context?.sessionContext?.session) {
                        await widget.context.sessionContext.shutdown();
                    }
                    widget.dispose();
                }
                await jupyterapp.commands.execute('apputils:dismiss-all-notifications').catch(() => undefined);
            }"""
        )

    def close(self) -> None:
        self.page.close()

    # ---- asking and waiting -------------------------------------------------------------------

    def ask(self, function: str, argument: Any = None) -> Any:
        """Call a function in the page."""
        return self.page.evaluate(function, argument)

    def until(self, function: str, argument: Any = None) -> None:
        """Wait until a function of the page returns something true."""
        self.page.wait_for_function(function, arg=argument, timeout=PATIENCE)

    def patiently(self, so: Callable[[], bool], otherwise: str) -> None:
        """Wait until something outside of the page is so; the page goes on meanwhile."""
        limit = time.monotonic() + PATIENCE / 1000
        while not so():
            assert time.monotonic() < limit, otherwise
            self.page.wait_for_timeout(100)

    def heard(self, visible: str) -> None:
        """Wait until the page has told the kernel whether anybody looks: true or false."""
        told = f'"visible":{visible}'
        self.patiently(lambda: any(one.sent and told in one.text for one in self.traffic.spoken), "nothing was told")

    def exposed(self, exposed: bool) -> None:
        """Have the browser say that its tab is shown, or that another one is; a headless one never does by itself."""
        self.ask(
            """exposed => {
                Object.defineProperty(document, 'hidden', { value: !exposed, configurable: true });
                document.dispatchEvent(new Event('visibilitychange'));
            }""",
            exposed,
        )

    def dismissing(self) -> None:
        """Close JupyterLab's own dialogs about its server and its kernels as they come."""
        dialog = self.page.get_by_role("dialog")
        self.page.add_locator_handler(dialog, dialog.locator("button").last.click)

    def command(self, command: str, **arguments: Any) -> None:
        """Run a command of JupyterLab to its end."""
        self.ask("async ([id, given]) => { await jupyterapp.commands.execute(id, given); }", [command, arguments])

    # ---- notebooks ----------------------------------------------------------------------------

    def write(self, cells: Cells, name: str | None = None, kernel: str = "here") -> str:
        """Write a notebook for a kernel into the server's folder, and return its path."""
        path = name or f"{uuid.uuid4().hex[:8]}.ipynb"
        metadata = {"kernelspec": {"name": kernel, "display_name": kernel.capitalize()}}
        data = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [made(cell) for cell in cells]}
        target = self.lab.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(data), encoding="utf-8")
        return path

    def held(self, first: str = "# held") -> tuple[str, Path]:
        """Return a cell that runs until a file is there, and the file."""
        file = self.lab.root / f"{uuid.uuid4().hex}.go"
        lines = (first, "import pathlib, time", f"while not pathlib.Path({str(file)!r}).exists(): time.sleep(0.02)")
        return "\n".join(lines), file

    def open(self, cells: Cells, kernel: str | None = "here", name: str | None = None) -> Notebook:
        """Open a new notebook with these cells on a kernel of its own; where that is None it does not matter."""
        return self.open_file(self.write(cells, name, kernel or "here"), kernel)

    def open_file(self, path: str, kernel: str | None = "here") -> Notebook:
        """Open a notebook that lies in the server's folder."""
        self.ask(
            """async ([path, kernel]) => {
                const panel = await jupyterapp.commands.execute('docmanager:open',
                    { path, factory: 'Notebook', kernel, options: { mode: 'tab-after' } });
                await panel.context.ready;
                await panel.revealed;
            }""",
            [path, None if kernel is None else {"name": kernel}],
        )
        notebook = Notebook(self, path)
        notebook.ids = notebook.ask("() => [...panel.content.model.cells].map(cell => cell.id)")
        if kernel is not None:
            notebook.idle()
        return notebook

    def metered(self, cells: Cells, kernel: str = "here", name: str | None = None) -> Notebook:
        """Open a notebook and start metering by the panel's button."""
        notebook = self.open(cells, kernel, name)
        self.panel.empty("not-loaded").get_by_role("button", name="Start metering").click()
        expect(self.panel.empty("live")).to_be_visible()
        return notebook

    # ---- the panel ----------------------------------------------------------------------------

    @property
    def panel(self) -> Panel:
        return Panel(self.page.locator("#jupyter-green-panel"))

    def show_panel(self) -> None:
        self.command("jupyter-green:show-panel")
        expect(self.panel.root).to_be_visible()

    def hide_panel(self) -> None:
        self.ask("() => jupyterapp.shell.collapseRight()")
        expect(self.panel.root).to_be_hidden()

    def widen(self, pixels: int) -> None:
        """Drag the edge of the side bar until the panel is so wide."""
        box = self.panel.root.bounding_box()
        handle = self.page.locator("#jp-main-split-panel > .lm-SplitPanel-handle:not(.lm-mod-hidden)").last
        grip = handle.bounding_box()
        assert box is not None
        assert grip is not None
        x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + box["width"] - pixels, y, steps=2)
        self.page.mouse.up()
        self.page.mouse.move(600, 4)

    def theme(self, name: str) -> None:
        """Change the theme, and wait until it is there and JupyterLab has taken its curtain away."""
        self.command("apputils:change-theme", theme=name)
        self.until(
            """name => document.body.dataset.jpThemeName === name
                && document.getElementById('jupyterlab-splash') === null""",
            name,
        )

    def shoot(self, name: str, whole: bool = False) -> None:
        """Keep pictures of the panel in every theme, narrow and wide; of the page too, where the `whole` is wanted."""
        for theme, full in THEMES.items():
            self.theme(full)
            for size, pixels in WIDTHS.items():
                self.widen(pixels)
                self.panel.root.screenshot(path=self.out(f"{name}-{theme}-{size}"), animations="disabled")
                if whole and size == "wide":
                    self.page.screenshot(path=self.out(f"{name}-{theme}-page"), animations="disabled")
        self.theme(THEMES["light"])

    def out(self, name: str) -> Path:
        """Where a picture of that name is kept."""
        OUT.mkdir(parents=True, exist_ok=True)
        return OUT / f"{name}.png"

    # ---- what must not happen -----------------------------------------------------------------

    def unharmed(self) -> None:
        """No script of a test's corpus ran, and no element was made from it."""
        assert self.ask("() => window.greenBroken") == []
        assert self.dialogs == []
        assert self.page.locator("[data-broken]").count() == 0


def made(cell: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return a cell as a notebook's file holds it."""
    given = {"source": cell} if isinstance(cell, str) else dict(cell)
    return {
        "id": uuid.uuid4().hex[:12],
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        **given,
    }
