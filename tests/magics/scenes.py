"""The scenes that must look the same with and without metering: one table.

A scene is a few cells. In its plain form it runs without the extension; see `test_plain_cells` for the other ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

from tests.support.kernel import READY, Cell

SILENT, HEADER, SHOW = "silent", "header", "show"
EVERY = (SILENT, HEADER, SHOW)


@dataclass(frozen=True)
class Scene:
    """Cells to play in order, and the ways of metering for which they can be compared."""

    name: str
    cells: tuple[Cell, ...]
    ways: tuple[str, ...] = EVERY
    together: bool = False


def scene(name: str, *cells: Cell | str, ways: tuple[str, ...] = EVERY, together: bool = False) -> Scene:
    made = tuple(cell if isinstance(cell, Cell) else Cell(dedent(cell).strip("\n")) for cell in cells)
    return Scene(name, made, ways, together)


def bare(source: str) -> Cell:
    """Return a cell that never gets a header: it prepares or cleans up."""
    return Cell(dedent(source).strip("\n"), header=False)


VALUES = [
    scene("value", "6 * 7"),
    scene("suppressed", "6 * 7;", "x = 8\nx;  # kept quiet"),
    scene("chain", "1", "_ + 1", "_ + __", "[_, __, ___, _ + 1]", "Out[max(Out)], len(Out) > 3"),
    scene("assignment", "x = 3\ny = x"),
    scene("none", "None"),
    scene("print and display", "print('one')\ndisplay(2)\nprint('three')\n4"),
    scene(
        "rich",
        """
        class Rich:
            def _repr_html_(self):
                return "<b>rich</b>"

            def __repr__(self):
                return "plain"

        display(Rich())
        Rich()
        """,
    ),
    scene("display id", "handle = display('a', display_id='fixed')\nhandle.update('b')", "handle.update('c')"),
    scene("clear output", "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('kept')"),
    scene("streams", "import sys\nprint('out', flush=True)\nprint('err', file=sys.stderr, flush=True)\n'value'"),
    scene(
        "every expression",
        "%config InteractiveShell.ast_node_interactivity = 'all'",
        "1\n2\nx = 3\n4;",
        "1",
        bare("%config InteractiveShell.ast_node_interactivity = 'last_expr'"),
    ),
    scene("long output", "for i in range(20_000):\n    print('line', i)", "'x' * 300_000"),
    scene("looks like a header", "text = '''\n%%energy\n'''\ntext", "print('%%energy')", "x = 7\nx %energy"),
    scene("source of a function", "import inspect\ndef f():\n    return 1\n\nprint(inspect.getsource(f))"),
    scene("future", "from __future__ import annotations\ndef f(x: Undefined):\n    return x\nf(5)"),
    scene("indented", Cell("    x = 3\n    if x:\n        print(x)\n    x")),
    scene("pasted prompts", ">>> x = 4\n>>> x + 1", "In [1]: x = 6\nIn [2]: x + 1"),
    scene("blank lines above", Cell("\n\n5")),
    scene("blank lines below", Cell("5\n\n\n")),
    scene("carriage returns", Cell("x = 1\r\nx + 1\r\n")),
    scene("decorated", "def twice(f):\n    return lambda x: f(f(x))\n\n@twice\ndef g(x):\n    return x + 1\n\ng(1)"),
    scene("line going on", "x = 1 + \\\n    2\nx"),
    scene(
        "redefined print", "import builtins\nkept = print\nprint = lambda *a: kept('mine', *a)\nprint(1)", "del print"
    ),
]

ERRORS = [
    scene("error", "x = 1\ny = 0\n\nx / y\nz = 2"),
    scene("error on the first line", "1 / 0"),
    scene("error far down", "x = 0\n" * 11 + "1 / x\n" + "x = 0\n" * 3),
    scene("error after output", "print('before')\ndisplay('shown')\nraise ValueError('said')"),
    scene(
        "error in an earlier function", "def divide(a, b):\n    total = a\n    return total / b", "x = 1\ndivide(x, 0)"
    ),
    scene("error from error", "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e"),
    scene("error in a library", "import json\njson.loads('{')"),
    scene("error seen again", "def f():\n    raise OSError(2, 'gone')\n\nf()", "%tb"),
    scene("error by mode", "%xmode Minimal", "1 / 0", bare("%xmode Context")),
    scene(
        "own error handler",
        bare("""
        def handle(self, kind, error, trace, tb_offset=None):
            print("handled", kind.__name__)

        get_ipython().set_custom_exc((LookupError,), handle)
        """),
        "[][1]",
        bare("get_ipython().set_custom_exc((), None)"),
    ),
    scene("assert", "assert 1 == 2, 'not so'"),
    scene("recursion", "def f(n):\n    return f(n + 1)\n\ntry:\n    f(0)\nexcept RecursionError:\n    print('deep')"),
    scene("warning", "import warnings\nwarnings.warn('careful', stacklevel=1)"),
    scene("syntax error", "x = 1\ny = = 2\nz = 3"),
    scene("syntax error on the first line", "y = = 2\nz = 3"),
    scene("syntax error on the last line", "x = 1\nif x:"),
    scene("open bracket", "x = 1\ny = (2,"),
    scene("open string", "x = 1\ny = '''text"),
    scene("unexpected indent", "x = 1\n    y = 2"),
    scene("return outside", "x = 1\nreturn x"),
    scene("unknown name", "x = 1\nnowhere"),
    scene("exit", "raise SystemExit", "'still here'"),
    scene("exit with a word", "import sys\nsys.exit('bye')"),
    scene("generator", "def g():\n    yield 1\n    raise RuntimeError('in g')\n\nlist(g())"),
    scene("repr fails", "class Bad:\n    def __repr__(self):\n        raise ValueError('no repr')\n\ndisplay(Bad())"),
    scene("unknown magic", "%nosuchmagic", "%%nosuchmagic\nbody"),
]

AWAITED = [
    scene("await", "import asyncio\nawait asyncio.sleep(0.01)\n'slept'"),
    scene("await value", "async def f():\n    return 3\n\nawait f()", "_ + 1"),
    scene(
        "async for",
        """
        async def numbers():
            for i in range(3):
                yield i

        async for i in numbers():
            print(i)
        [i async for i in numbers()]
        """,
    ),
    scene(
        "async with",
        """
        from contextlib import asynccontextmanager

        @asynccontextmanager
        async def around():
            print("in")
            yield 1
            print("out")

        async with around() as x:
            print(x)
        """,
    ),
    scene("await raising", "async def f():\n    x = 1\n    raise ValueError('awaited')\n\nx = 0\nawait f()\nx = 2"),
    scene(
        "gather",
        "import asyncio\nasync def f(i):\n    await asyncio.sleep(0.01 * i)\n    return i\n\n"
        "await asyncio.gather(f(1), f(2))",
    ),
    scene(
        "task that outlives its cell",
        """
        import asyncio

        async def later():
            await asyncio.sleep(0.2)
            print("later")

        task = asyncio.create_task(later())
        """,
        "await task\nprint('after')",
    ),
]

MAGICS = [
    scene("capture", "%%capture taken\nprint('hidden')\ndisplay(3)\n4", bare("print(taken.stdout)\ntaken.outputs")),
    scene("capture an error", "%%capture taken\nprint('hidden')\n1 / 0", bare("taken.stdout")),
    scene("time", "%%time\nx = 5\nx", "%time sum(range(10))"),
    scene("time an error", "%%time\nx = 1\n1 / 0"),
    scene("timeit", "%timeit -n1 -r1 pass", "%%timeit -n1 -r1\nx = 1\nx"),
    scene("bash", "%%bash\necho from bash", "%%bash --out taken\necho kept", "taken"),
    scene("bash failing", "%%bash\nexit 3"),
    scene("html", "%%html\n<b>bold</b>"),
    scene("writefile", "%%writefile -a note.txt\nhello", "%cat note.txt"),
    scene("shell", "!echo hello", "files = !echo a; echo b\nfiles", "!exit 3", "_exit_code"),
    scene("help", "len?", "?len", "int.bit_length??"),
    scene("line magic", "%who", "%pwd", "x = %pwd\nx == _"),
    scene(
        "own cell magic",
        bare("""
        from IPython.core.magic import register_cell_magic

        @register_cell_magic
        def loud(line, cell):
            return (line + cell).upper()
        """),
        "%%loud a b\nc",
    ),
    scene("run a file", bare("%%writefile program.py\nprint('running')\nanswer = 42\n"), "%run program.py", "answer"),
    scene("run a failing file", bare("%%writefile program.py\nx = 1\nx / 0\n"), "%run program.py"),
    scene(
        "transformers of others",
        bare("""
        def shout(lines):
            return [line.replace("SHOUT", "'SHOUTED'") for line in lines]

        get_ipython().input_transformers_post.append(shout)
        """),
        "SHOUT",
        "x = SHOUT\n1 / 0",
        bare("get_ipython().input_transformers_post.remove(shout)"),
    ),
    scene(
        "syntax tree of others",
        bare("""
        import ast

        class Double(ast.NodeTransformer):
            def visit_Constant(self, node):
                whole = type(node.value) is int
                return ast.copy_location(ast.Constant(node.value * 2), node) if whole else node

        get_ipython().ast_transformers.append(Double())
        """),
        "21",
        "x = 1\nx + 20",
        bare("get_ipython().ast_transformers.clear()"),
    ),
    scene(
        "autoreload",
        bare("%load_ext autoreload"),
        bare("%autoreload 2"),
        bare("%%writefile moving.py\nvalue = 1"),
        "import moving\nmoving.value",
        bare("""
        import os, pathlib
        pathlib.Path("moving.py").write_text("value = 22222")
        os.utime("moving.py", (2e9, 2e9))
        """),
        "moving.value",
        bare("%autoreload 0"),
    ),
    scene("nested cell", "result = get_ipython().run_cell('print(1)\\n1 + 1')\nresult.result", "_"),
    scene("nested error", "get_ipython().run_cell('x = 1\\n1 / 0')\n'outer goes on'"),
    scene("nested error raised", "r = get_ipython().run_cell('x = 1\\n1 / 0')\nr.raise_error()"),
    scene("nested syntax error", "r = get_ipython().run_cell('y = = 2')\nprint(r.success)"),
    scene(
        "hook of others failing",
        bare("""
        def failing(*args):
            raise ValueError("not ours")

        get_ipython().events.register("post_run_cell", failing)
        """),
        "1 + 1",
        bare("get_ipython().events.unregister('post_run_cell', failing)"),
        ways=(SILENT,),
    ),
    scene(
        "hooks of others",
        bare("""
        def before(info):
            print("before", info.store_history)

        def after(result):
            print("after", result.success, result.execution_count is not None)

        get_ipython().events.register("pre_run_cell", before)
        get_ipython().events.register("post_run_cell", after)
        """),
        "1 + 1",
        "1 / 0",
        "%%capture x\n3",
        bare("""
        get_ipython().events.unregister("pre_run_cell", before)
        get_ipython().events.unregister("post_run_cell", after)
        """),
        ways=(SILENT,),
    ),
]

ODD = [
    scene("empty", bare("0"), "", ways=(SILENT, SHOW)),
    scene("whitespace", bare("0"), Cell("  \n \t\n"), ways=(SILENT, SHOW)),
    scene("comment", "# nothing to do"),
    scene("docstring", '"""only words"""'),
    scene("no history", "1", Cell("_ + 1", store_history=False), Cell("1 / 0", store_history=False), "_ + 2"),
    scene(
        "silent",
        "1",
        Cell("x = 5", silent=True),
        Cell("1 / 0", silent=True),
        Cell("print('told')\n9", silent=True),
        "x, _",
    ),
    scene("input", Cell("name = input('who? ')\nname.upper()", answers=("ada",))),
    scene("password", Cell("import getpass\nlen(getpass.getpass('word? '))", answers=("hidden",))),
    scene(
        "interrupt",
        Cell(f"import time; print('{READY}', flush=True)\nwhile True: time.sleep(0.1)", interrupt=True),
        "'after'",
    ),
    scene(
        "interrupt caught",
        Cell(
            f"import time\ntry:\n    print('{READY}', flush=True)\n    while True: time.sleep(0.1)\n"
            "except KeyboardInterrupt:\n    print('caught')\n'went on'",
            interrupt=True,
        ),
    ),
    scene(
        "interrupt an await",
        Cell(f"import asyncio; print('{READY}', flush=True)\nwhile True: await asyncio.sleep(0.2)", interrupt=True),
        "'after'",
    ),
    scene(
        "thread that outlives its cell",
        """
        import threading

        go = threading.Event()

        def late():
            go.wait()
            print("late")

        worker = threading.Thread(target=late)
        worker.start()
        print("early")
        """,
        "go.set()\nworker.join()\nprint('done')",
    ),
    scene("thread failing", "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()"),
    scene(
        "subshell",
        Cell("import threading\nmet = globals().setdefault('met', threading.Barrier(2))\nmet.wait()\nmain = 'here'"),
        Cell(
            "import threading\nmet = globals().setdefault('met', threading.Barrier(2))\nmet.wait()\nprint('sub')",
            subshell=True,
            store_history=False,
        ),
        together=True,
    ),
]

PROCESSES = [
    scene("fork", "import os\npid = os.fork()\nif pid == 0:\n    os._exit(3)\nos.waitpid(pid, 0)[1]"),
    scene(
        "fork that works on",
        """
        import os

        pid = os.fork()
        if pid == 0:
            total = sum(i * i for i in range(300_000))
            os._exit(0)
        print(os.waitpid(pid, 0)[1])
        """,
    ),
    scene(
        "fork killed",
        """
        import os, signal, time

        pid = os.fork()
        if pid == 0:
            while True:
                time.sleep(1)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)[1]
        """,
    ),
    scene(
        "pool by fork",
        """
        import multiprocessing

        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map(abs, [-1, -2, -3]))
        """,
    ),
    scene(
        "pool by spawn",
        bare("%%writefile worker.py\ndef square(x):\n    return x * x\n"),
        """
        import multiprocessing
        import worker

        with multiprocessing.get_context("spawn").Pool(2) as pool:
            print(pool.map(worker.square, [1, 2, 3]))
        """,
    ),
    scene(
        "loader",
        """
        import multiprocessing

        context = multiprocessing.get_context("fork")
        asked, given = context.Queue(), context.Queue()

        def load():
            while (index := asked.get()) is not None:
                given.put(index * index)

        workers = [context.Process(target=load, daemon=True) for _ in range(2)]
        for worker in workers:
            worker.start()
        """,
        """
        for index in range(20):
            asked.put(index)
        sorted(given.get() for _ in range(20))
        """,
        """
        for worker in workers:
            asked.put(None)
        for worker in workers:
            worker.join()
        [worker.exitcode for worker in workers]
        """,
    ),
    scene("subprocess", "import subprocess\nsubprocess.run(['echo', 'hi'], capture_output=True, check=True).stdout"),
]

SCENES = [*VALUES, *ERRORS, *AWAITED, *MAGICS, *ODD, *PROCESSES]
