"""The lines in a real kernel: compare, label, disclose; a wrong line is one sentence and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kernel import Kernel, running

pytestmark = pytest.mark.shell

BEGIN = """
import torch
from sklearn.linear_model import LogisticRegression
torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.randn(120, 8)
y = (x[:, 0] > 0).long()
linear = LogisticRegression().fit(x.numpy(), y.numpy())
def rule(point):
    return int(point[0] > 0)
def broken(point):
    raise OSError("down")
test = (x, y)
side = ["left" if value < 0 else "right" for value in x[:, 1]]
%config JupyterGreen.region = "FRA"
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    pytest.importorskip("sklearn")
    with running(tmp_path_factory.mktemp("choose")) as started:
        assert started.run("%load_ext jupyter_green", "load").status == "ok"
        light = "import sys; assert not {'torch', 'sklearn', 'huggingface_hub', 'PIL', 'jsonschema'} & set(sys.modules)"
        assert started.run(light).status == "ok"
        done = started.run(BEGIN)
        assert done.status == "ok", done
        yield started


def ran(kernel: Kernel, source: str) -> str:
    done = kernel.run(source)
    assert done.status == "ok", done
    return str(done)


def test_compare_from_end_to_end(kernel: Kernel) -> None:
    ran(kernel, "found = %compare linear rule broken --data test --time 5s --group side --max-loss 5% -o chosen")
    ran(kernel, "assert found.best == 'rule' and found.row('broken').standing == 'failed'")
    ran(kernel, "assert set(found.rows[0].groups) == {'left', 'right'} and chosen in (linear, rule)")
    ran(kernel, "assert found.accepted == 0.05 and 'text/html' in get_ipython().display_formatter.format(found)[0]")
    ran(kernel, "nothing = %compare linear rule --data '(x, y)' --time 5s -q\nassert nothing is None")
    said = ran(kernel, "%compare linear rule --data test --time 5s --remote rule --origin drawn")
    assert "unmetered" in said
    assert "drawn" in said


def test_label_from_end_to_end(kernel: Kernel) -> None:
    ran(kernel, "one = %label linear --data test --units 60 --runs 2 --task sides --expect 0.95 --to linear.svg")
    ran(kernel, "assert one.valid and not one.comparable and one.units == 60 and one.wh_per_1000 > 0")
    ran(kernel, "assert '1 data set, not 3' in one.differences, one.differences")
    ran(kernel, "import pathlib\nassert pathlib.Path('linear.svg').read_text().startswith('<svg')")
    ran(kernel, "peers, half = {'linear': one}, (x[:50], y[:50])")
    ran(kernel, "two = %label rule --data test --data half --units 60 --runs 2 --task sides --peers peers")
    ran(kernel, "assert {two.stars, two.size_class} <= {1, 5, ''} and two.stars is not None")
    ran(kernel, "bad = %label broken --data test --units 30 --runs 1\nassert not bad.valid and bad.stars is None")
    said = ran(kernel, "bad")
    assert "Energy label of broken · not valid: 0 of 30 units completed (OSError: down)" in said
    said = str(kernel.run("%label rule --data half"))
    assert "'half' has 50 examples; 1,000 are needed for 1,000 units: use at most 50 (--units 50)" in said


def test_a_wrong_call_is_no_work(kernel: Kernel) -> None:
    """What a line of ours refuses is no cell; what it runs is."""
    ran(kernel, "from jupyter_green.session import current, settle")
    ran(kernel, "def cells(): settle(); return [r for r in current().finished if r.span == 'cell']")
    ran(kernel, "before = len(cells())")
    for line in ("%label", "%label absent --data test", "%compare rule", "%shrink", "%energyit -t x", "%disclose"):
        assert kernel.run(line).status == "error"
    ran(
        kernel, "# with the two cells that ask\nassert len(cells()) == before + 1, [r.execution_count for r in cells()]"
    )
    ran(kernel, "%label rule --data test --units 6 --runs 1")
    ran(kernel, "last = cells()[-1]\nassert any(r.parent == last.id for r in current().finished if r.label), last")


def test_disclose_from_end_to_end(kernel: Kernel) -> None:
    ran(kernel, "import jupyter_green as green\nblock = green.meter('fit', units=120, unit='rows')")
    ran(kernel, "with block:\n    LogisticRegression().fit(x, y)")
    ran(kernel, "told = %disclose small --of fit --phase training --training-type fine-tuning --to disclosure.json")
    ran(kernel, "from jupyter_green.disclose.folder_check import faults\nimport json")
    ran(kernel, "assert faults(json.load(open('disclosure.json'))) == []")
    ran(kernel, "assert (told.unit, told.phase) == ('rows', 'training')")
    ran(kernel, "assert any('torch' in name for name in told.software)")
    ran(kernel, "heads = [name.split()[0] for name in told.software]\nassert len(heads) == len(set(heads)), heads")
    for form in ("a.md", "a.html", "a.csv"):
        ran(kernel, f"%disclose small --to {form} -q")
    ran(kernel, "assert 'Utilisation' in open('a.md').read() and open('a.csv').read().startswith('timestamp,')")
    ran(kernel, "open('README.md', 'w').write('---\\nlicense: mit\\n---\\nMine\\n')")
    ran(kernel, "%disclose small --card README.md -q")
    ran(kernel, "card = open('README.md').read()\nassert 'co2_eq_emissions' in card and 'Mine' in card")


def test_an_estimate_is_replaced_by_what_was_metered(kernel: Kernel) -> None:
    said = ran(kernel, "%energy estimate 7B")
    assert "estimated from their number" in said
    assert "62 J for a query" in said
    ran(kernel, "net = torch.nn.Sequential(torch.nn.Linear(8, 512), torch.nn.ReLU(), torch.nn.Linear(512, 2)).eval()")
    assert "5,630 parameters" in ran(kernel, "%energy estimate net")
    ran(kernel, "%compare net linear --data test --time 5s --batch 1 -q")
    assert "metered here" in ran(kernel, "%energy estimate net")
    ran(
        kernel,
        "from jupyter_green.session import current\n"
        "found = get_ipython().run_line_magic('energy', 'estimate net').measured\n"
        "laps = [one.joules_per_unit for one in current().finished if one.label == 'compare: net']\n"
        "assert len(laps) > 1 and sorted(laps).index(found.joules_per_unit) == (len(laps) - 1) // 2",
    )
    # What has no parameters to be counted has a figure once it ran, and what only bears a tried name has none.
    assert "metered here" in ran(kernel, "%energy estimate linear")
    ran(kernel, "tried, net = net, torch.nn.Linear(8, 2)")
    assert "18.0 parameters: estimated" in ran(kernel, "%energy estimate net")
    ran(kernel, "net = 7e9")
    assert "62 J for a query" in ran(kernel, "%energy estimate net")


def test_what_a_comparison_could_not_meter_is_disclosed(kernel: Kernel) -> None:
    ran(kernel, "%compare linear rule --data test --time 5s --remote rule -q")
    ran(kernel, "told = %disclose all --phase inference")
    ran(kernel, "assert any(line.startswith('rule: runs elsewhere') for line in told.unmetered), told.unmetered")


def test_a_file_that_is_there_is_left_alone(kernel: Kernel) -> None:
    for line in ("%disclose small --to mine.md", "%label linear --data test --units 30 --runs 1 --to mine.json"):
        name = line.split()[-1]
        ran(kernel, f"open({name!r}, 'w').write('mine')")
        assert f"{name} exists already; name a new file, or add --replace." in str(kernel.run(line))
        ran(kernel, f"assert open({name!r}).read() == 'mine'")
        ran(kernel, f"{line} --replace -q")
        ran(kernel, f"assert open({name!r}).read() != 'mine'")


def test_a_period_in_the_notebook(kernel: Kernel) -> None:
    assert "Compared with earlier runs" in ran(kernel, "%energy report --since 1d")
    ran(kernel, "%energy report --since 1d month.csv")
    ran(kernel, "assert open('month.csv').read().startswith('day,project,kwh')")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("%energy estimate", "it takes"),
        ("%energy estimate huge", "not a number of parameters"),
        ("%energy estimate test", "can't be counted"),
        ("%energy estimate 7B --tokens 0", "takes 1 or more"),
        ("%energy report --since soon", "is not a date"),
        ("%energy report --since 99999999999d", "is not a date"),
        ("%energy estimate 7B --active 70B", "more than the model has"),
        ("%energy report --project films", "go with --since"),
        ("%energy report --since 1d report.doc", "must end in one"),
        ("%energy report --since 1d --project flims", "No record has the project"),
        ("%compare linear --data test", "two candidates"),
        ("%compare linear nowhere --data test", "is not defined in this notebook"),
        ("%compare linear rule", "--data"),
        ("%compare linear rule --data test --metric beauty", "not a metric"),
        ("%compare linear rule --data test -o 3x", "not a variable name"),
        ("%compare linear rule --data test -o class", "not a variable name"),
        ("%compare linear rule --data 'x", "in quotes"),
        ("%compare linear rule --data x", "no labels"),
        ("%label linear --data test --units 1000", "are needed"),
        ("%label linear --data test --units 20 --to label.gif", "must end in .svg"),
        ("%label linear --data test --units 20 --runs 0", "runs from 1 up"),
        ("%disclose small --of nothing", "nothing with the label"),
        ("%disclose small --to report.doc", "must end in one"),
        ("%disclose small --phase dreaming", "is not a phase"),
        ("%disclose ''", "needs a name"),
        ("%disclose small --utilisation 7", "from 0 to 1"),
    ],
)
def test_wrong_lines(kernel: Kernel, line: str, sentence: str) -> None:
    done = kernel.run(line)
    assert "UsageError" in str(done), done
    assert sentence in str(done), done


def test_unloading_takes_them_away(tmp_path: Path) -> None:
    with running(tmp_path) as kernel:
        assert kernel.run("%load_ext jupyter_green", "load").status == "ok"
        assert kernel.run("%unload_ext jupyter_green").status == "ok"
        for line in ("%compare a b", "%label a", "%disclose a"):
            assert "not found" in str(kernel.run(line))
