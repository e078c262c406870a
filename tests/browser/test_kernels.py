"""Kernels come and go under a notebook; its figures are those of the kernel that it has."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.browser_page import Desk, Notebook

WORK = "import time; time.sleep(0.6)"


def metered_again(desk: Desk) -> None:
    desk.panel.empty("not-loaded").get_by_role("button", name="Start metering").click()
    expect(desk.panel.empty("live")).to_be_visible()


def test_a_restart_begins_from_nothing(desk: Desk) -> None:
    notebook = desk.metered([WORK, "# second\n" + WORK], "board")
    notebook.run()
    desk.panel.settled(2)
    notebook.restart()
    expect(desk.panel.rows).to_have_count(0)
    expect(desk.panel.total).to_have_count(0)
    expect(desk.panel.empty("live")).to_be_visible()
    notebook.run(1)
    desk.panel.settled(1)
    expect(desk.panel.row("# second")).to_be_visible()


def test_a_restart_while_a_cell_runs(desk: Desk) -> None:
    busy, go = desk.held()
    notebook = desk.metered([busy, WORK], "board")
    notebook.start(0)
    expect(desk.panel.power).to_contain_text("simulated now")
    notebook.restart()
    expect(desk.panel.empty("live")).to_be_visible()
    expect(desk.panel.rows).to_have_count(0)
    assert not go.exists()
    notebook.run(1)
    desk.panel.settled(1)


def test_restart_and_run_all_meters_from_the_first_cell(desk: Desk) -> None:
    """JupyterLab sends the cells as soon as the kernel is there; metering has to be loaded before them."""
    notebook = desk.metered(["# first\n" + WORK, "# second\n" + WORK], "board")
    notebook.run()
    desk.panel.settled(2)
    desk.ask("() => { window.greenAll = jupyterapp.commands.execute('notebook:restart-run-all'); }")
    desk.page.get_by_role("dialog").locator("button").last.click()
    desk.ask("() => window.greenAll")
    desk.panel.settled(2)
    expect(desk.panel.row("# first")).not_to_contain_text("×2")
    desk.panel.tab("Runs")
    expect(desk.panel.root.get_by_test_id("green-run-row")).to_have_count(2)


def test_metering_that_was_switched_off_and_on_goes_on_after_a_restart(desk: Desk) -> None:
    notebook = desk.metered([WORK], "board")
    notebook.run()
    desk.panel.settled(1)
    desk.panel.button("Stop metering").click()
    desk.panel.empty("off").get_by_role("button", name="Start metering").click()
    expect(desk.panel.empty("off")).to_have_count(0)
    notebook.restart()
    notebook.run()
    desk.panel.settled(1)
    expect(desk.panel.row(WORK)).not_to_contain_text("×2")


def test_another_kernel_and_back(desk: Desk) -> None:
    """Each kernel has its own figures; those of one that was left are its own run."""
    notebook = desk.metered([WORK], "board")
    notebook.run()
    desk.panel.settled(1)
    notebook.change_kernel("parrot")
    expect(desk.panel.empty("not-python")).to_be_visible()
    expect(desk.panel.rows).to_have_count(0)
    notebook.change_kernel("here")
    metered_again(desk)
    expect(desk.panel.rows).to_have_count(0)
    notebook.run()
    desk.panel.settled(1)
    expect(desk.panel.total).not_to_contain_text("simulated")


def test_notebooks_on_kernels_of_their_own(desk: Desk) -> None:
    """Figures follow the notebook in front, and stay with those behind it."""
    first = desk.metered(["# first\n" + WORK], "board")
    first.run()
    desk.panel.settled(1)
    second = desk.metered(["# second\n" + WORK, "# third\n" + WORK], "board")
    second.run()
    desk.panel.settled(2)
    first.show()
    desk.panel.settled(1)
    expect(desk.panel.row("# first")).to_be_visible()
    second.show()
    desk.panel.settled(2)
    expect(desk.panel.row("# first")).to_have_count(0)


def beside(first: Notebook, cells: list[str]) -> Notebook:
    """Open another notebook on the kernel of one that is open."""
    desk = first.desk
    path = desk.write(cells)
    desk.ask(
        """async ([path, id]) => {
            const panel = await jupyterapp.commands.execute('docmanager:open', { path, kernel: { id } });
            await panel.sessionContext.ready;
        }""",
        [path, first.kernel],
    )
    second = Notebook(desk, path, first.ids[: len(cells)])
    assert second.kernel == first.kernel
    return second


def test_two_notebooks_on_one_kernel(desk: Desk) -> None:
    """It is one run: both show all of it, and a click goes to the cell in whichever notebook has it."""
    first = desk.metered(["# first\n" + WORK], "board")
    first.run()
    desk.panel.settled(1)
    second = beside(first, ["# second\n" + WORK])
    desk.panel.settled(1)
    second.run(0)
    desk.panel.settled(2)
    first.show()
    desk.panel.settled(2)
    expect(desk.panel.rows.first).to_contain_text("# first")
    desk.panel.row("# second").click()
    desk.until("path => jupyterapp.shell.currentWidget.context.path === path", second.path)
    expect(desk.panel.rows.first).to_contain_text("# second")
    first.close()
    desk.panel.settled(2)
    second.run(0)
    expect(desk.panel.row("# second")).to_contain_text("×2")


def test_a_restart_for_the_second_of_two_notebooks_once_the_first_is_closed(desk: Desk) -> None:
    first = desk.metered(["# first\n" + WORK], "board")
    first.run()
    second = beside(first, ["# second\n" + WORK])
    second.run(0)
    desk.panel.settled(2)
    first.close()
    desk.panel.settled(2)
    second.restart()
    expect(desk.panel.rows).to_have_count(0)
    expect(desk.panel.empty("live")).to_be_visible()
    second.run(0)
    desk.panel.settled(1)
    expect(desk.panel.row("# second")).to_be_visible()


def test_a_notebook_that_is_renamed(desk: Desk) -> None:
    notebook = desk.metered([WORK], "board", name="before.ipynb")
    notebook.run()
    desk.panel.settled(1)
    expect(desk.panel.root).to_contain_text("before.ipynb")
    notebook.rename("after.ipynb")
    expect(desk.panel.root).to_contain_text("after.ipynb")
    expect(desk.panel.root).not_to_contain_text("before.ipynb")
    desk.panel.settled(1)
    notebook.run()
    expect(desk.panel.row(WORK)).to_contain_text("×2")
    runs = desk.panel.root.get_by_test_id("green-run-row")
    desk.panel.tab("Runs")
    expect(runs).to_have_count(1)

    # The kernel was started under the old name and knows no other after a restart; what it did before is still there.
    desk.panel.tab("Now")
    notebook.restart()
    expect(desk.panel.empty("live")).to_be_visible()
    notebook.run()
    desk.panel.settled(1)
    expect(desk.panel.baseline).to_contain_text("on the 1 cell both runs finished")
    assert stated(notebook) == "after.ipynb"
    desk.panel.tab("Runs")
    expect(runs).to_have_count(2)


def test_a_notebook_that_is_renamed_before_it_is_metered(desk: Desk) -> None:
    notebook = desk.metered([WORK], "board", name="early.ipynb")
    notebook.run()
    desk.panel.settled(1)
    desk.panel.button("Stop metering").click()
    expect(desk.panel.empty("off")).to_be_visible()
    notebook.restart()
    expect(desk.panel.empty("not-loaded")).to_be_visible()
    notebook.rename("later.ipynb")
    metered_again(desk)
    notebook.run()
    desk.panel.settled(1)
    expect(desk.panel.baseline).to_contain_text("on the 1 cell both runs finished")
    assert stated(notebook) == "later.ipynb"


def stated(notebook: Notebook) -> str:
    """Return the name under which the kernel files what it meters."""
    return str(
        notebook.ask(
            """async () => {
                let said = '';
                const code = 'from jupyter_green.session import current; print(current().settings.notebook)';
                const future = panel.sessionContext.session.kernel.requestExecute({ code, store_history: false });
                future.onIOPub = message => { said += message.content.text ?? ''; };
                await future.done;
                return said.trim();
            }"""
        )
    )


def test_a_notebook_that_is_closed_and_opened_again(desk: Desk) -> None:
    """The kernel goes on, and so does its run."""
    notebook = desk.metered([WORK], "board")
    notebook.run()
    desk.panel.settled(1)
    notebook.save()
    notebook.close()
    expect(desk.panel.empty("no-notebook")).to_be_visible()
    again = desk.open_file(notebook.path, "board")
    desk.panel.settled(1)
    expect(desk.panel.row(WORK)).to_be_visible()
    again.run()
    expect(desk.panel.row(WORK)).to_contain_text("×2")
