"""The magics in a real kernel: a line shrinks, binds, undoes; a wrong line is one sentence and nothing is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.kernel import Kernel, running

pytestmark = pytest.mark.shell

LOADER = "loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=16)"
BEGIN = f"""
import torch
torch.set_num_threads(1)
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 64), torch.nn.ReLU(), torch.nn.Linear(64, 3)).eval()
x = torch.randn(400, 8)
y = torch.arange(400) % 3
accuracy = 0.5
{LOADER}
before = {{name: value.clone() for name, value in model.state_dict().items()}}
original = model
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running(tmp_path_factory.mktemp("shrink")) as started:
        assert started.run("%load_ext jupyter_green", "load").status == "ok"
        light = "import sys; assert not {'torch', 'onnxruntime', 'transformers'} & set(sys.modules)"
        assert started.run(light).status == "ok"
        assert started.run(BEGIN).status == "ok"
        yield started


def said(done: Any) -> str:
    return str(done)


def test_a_line_from_end_to_end(kernel: Kernel) -> None:
    done = kernel.run("result = %shrink model --time 6s --max-loss 5pt --metric accuracy")
    assert done.status == "ok", done
    assert "the only suitable data in this notebook" in said(done)
    check = (
        "assert result.candidates and model is original\n"
        "assert 'Evaluated on loader' in repr(result)\n"
        "assert model_shrunk is result.model\n"
        "assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())"
    )
    assert kernel.run(check).status == "ok"


def test_an_expression_keeps_its_quotes_and_a_pair_is_found(kernel: Kernel) -> None:
    """The models of a notebook may lie in a dictionary, and its data in one variable."""
    assert kernel.run("several = {'a model': model}; test = (x, y); held = loader; del loader").status == "ok"
    assert "there are held, test" in said(kernel.run("%shrink several['a model'] -o small --time 5s"))
    assert kernel.run("loader = held; del held, test").status == "ok"
    done = kernel.run("%quantize several['a model'] -o small --time 5s -q")
    assert done.status == "ok", done
    assert "Evaluated on loader" in said(done)
    assert kernel.run("rows = (x, y); del loader").status == "ok"
    done = kernel.run("%quantize model -o small --time 5s -q")
    assert kernel.run(LOADER).status == "ok"
    assert "Evaluated on rows" in said(done)
    assert kernel.run("del rows, several, small").status == "ok"


def test_in_place_and_back(kernel: Kernel) -> None:
    assert kernel.run("r2 = %quantize model --data '(x, y)' --time 5s --inplace").status == "ok"
    assert kernel.run("assert model is r2.model").status == "ok"
    assert kernel.run("%shrink --undo").status == "ok"
    assert kernel.run("assert model is original").status == "ok"


def test_what_was_assigned_since_is_never_undone(kernel: Kernel) -> None:
    assert kernel.run("r3 = %quantize model --data '(x, y)' --time 5s --inplace").status == "ok"
    assert kernel.run("model = 'trained for an hour'").status == "ok"
    done = kernel.run("%shrink --undo")
    assert "model has another value now and is left as it is" in said(done)
    assert kernel.run("assert model == 'trained for an hour'\nmodel = original").status == "ok"


def test_a_name_that_means_something_else_is_taken_only_where_that_was_asked_for(kernel: Kernel) -> None:
    assert kernel.run("model_shrunk = 'mine'").status == "ok"
    done = kernel.run("%quantize model --data loader --time 5s -q")
    assert "model_shrunk is already in use; give another with -o, or -o model_shrunk" in said(done)
    done = kernel.run("%quantize model --data loader --time 5s -q --inplace -o small")
    assert "--inplace binds model and -o small; give one of them." in said(done)
    assert kernel.run("assert model_shrunk == 'mine' and model is original").status == "ok"


def test_each_search_is_undone_in_turn(kernel: Kernel) -> None:
    """A name gets back what it stood for before, search by search; nothing that was a person's is lost."""
    assert kernel.run("kept, first = 'mine', None").status == "ok"
    assert kernel.run("%quantize model --data loader --time 5s -q -o kept\nfirst = kept").status == "ok"
    assert kernel.run("%quantize model --data loader --time 5s -q -o kept").status == "ok"
    assert "kept is restored to what it was before it was shrunk." in said(kernel.run("%shrink --undo"))
    assert kernel.run("assert kept is first").status == "ok"
    assert "kept is restored to what it was before it was shrunk." in said(kernel.run("%shrink --undo"))
    assert kernel.run("assert kept == 'mine'\nsecond = model").status == "ok"
    for name in ("model", "second"):
        assert kernel.run(f"%quantize {name} --data loader --time 5s -q --inplace").status == "ok"
    # The model itself may be quantized by now, which can't be done twice.
    assert kernel.run("%quantize original --data loader --time 5s -q -o other").status == "ok"
    assert "other is deleted; your model was not changed." in said(kernel.run("%shrink --undo"))
    for name in ("second", "model"):
        assert f"{name} is restored to what it was before" in said(kernel.run("%shrink --undo"))
    assert kernel.run("assert model is original and second is original and 'other' not in globals()").status == "ok"


def test_a_default_name_may_be_bound_anew_by_the_next_search(kernel: Kernel) -> None:
    assert kernel.run("del model_shrunk").status == "ok"
    for _ in range(2):
        done = kernel.run("%quantize model --data loader --time 5s -q")
        assert done.status == "ok", done


NOTHING_KEPT = """
from dataclasses import replace
from jupyter_green.compression import api
found = api.quantize
def kept_nothing(*args, **options):
    return replace(found(*args, **options), recipe=None, model=args[0])
"""


def test_a_search_that_keeps_nothing_takes_nothing_back(kernel: Kernel) -> None:
    assert kernel.run("%reset_selective -f ^model_shrunk$").status == "ok"
    assert kernel.run("%quantize model --data loader --time 5s -q").status == "ok"
    assert kernel.run(NOTHING_KEPT).status == "ok"
    give = "magics = get_ipython().magics_manager.magics['line']['shrink'].__self__\n"
    give += "smaller = torch.nn.Linear(8, 3)\nmagics._bind('model_shrunk', smaller)\napi.quantize = kept_nothing"
    assert kernel.run(give).status == "ok"
    done = kernel.run("%quantize model --data loader --time 5s -q")
    assert "model_shrunk keeps the result of an earlier search; model was not changed." in said(done)
    assert kernel.run("assert model_shrunk is smaller and model is original").status == "ok"
    assert "is restored to what it was before" in said(kernel.run("%shrink --undo"))
    assert kernel.run("assert model_shrunk is smaller").status == "ok"
    done = kernel.run("%quantize model --data loader --time 5s -q -o fresh")
    assert "Undo: %quantize --undo." in said(done)
    assert kernel.run("assert fresh is original\napi.quantize = found").status == "ok"
    assert kernel.run("%shrink --undo").status == "ok"


@pytest.mark.parametrize("line", ["model -o my-model", "model -o class", "[model][0]", "[model][0] --inplace"])
def test_a_name_that_can_not_be_bound_is_refused_before_anything_runs(kernel: Kernel, line: str) -> None:
    assert kernel.run("calls = []").status == "ok"
    assert kernel.run("handle = model.register_forward_hook(lambda *_: calls.append(1))").status == "ok"
    done = kernel.run(f"%shrink {line} --data loader --time 5s")
    assert "is not a variable name; give one with -o NAME." in said(done)
    assert kernel.run("handle.remove(); assert not calls").status == "ok"
    assert kernel.run("%shrink [model][0] --data loader --dry-run").status == "ok"


def test_a_dry_run_runs_nothing(kernel: Kernel) -> None:
    done = kernel.run("print(get_ipython().run_line_magic('shrink', 'model --data loader --dry-run').text())")
    assert done.status == "ok", done
    assert "recipes would be tried on Sequential" in said(done)
    assert "ONNX Runtime" in said(done)


SLIDER = """
from dataclasses import replace
from jupyter_green.compression.recipes.recipe import RecipeResult
from jupyter_green.compression.result_details import ParetoPoint
from jupyter_green.compression.quality.loss import counted
from jupyter_green.compression.cost.ratio import Ratio
loss, ratio = counted(0, 0, 100), Ratio(0.5, 0.4, 0.6, 9)
other = torch.nn.Linear(8, 3)
kept = ParetoPoint("kept", RecipeResult(model), ratio, loss)
result.facts = replace(result.facts, front=(kept, ParetoPoint("other", RecipeResult(other), ratio, loss)))
magics = get_ipython().magics_manager.magics["line"]["shrink"].__self__
magics._offer(result, "chosen")
"the value of the line"
"""


def test_the_slider_is_shown_under_the_result_and_binds(kernel: Kernel) -> None:
    assert (
        kernel.run("result = %shrink model --time 5s --metric accuracy --max-loss 5pt --per-day 99 -q").status == "ok"
    )
    assert kernel.run("assert result is None").status == "ok"
    assert kernel.run("result = get_ipython().run_line_magic('shrink', 'model --time 5s --data loader')").status == "ok"
    done = kernel.run(SLIDER)
    assert done.status == "ok", done
    words = said(done)
    assert words.index("the value of the line") < words.index("application/vnd.jupyter.widget-view+json")
    assert "widget-view" not in said(kernel.run("1 + 1"))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("%shrink", "needs the name of a model"),
        ("%shrink nothing_here", "is not defined in this notebook"),
        ("%shrink model --tme 5s", "shows the options"),
        ("%shrink model --data loader --time soon", "is not a duration"),
        ("%shrink model --data y", ""),
        ("%prune model --data loader --ratio 2", "between 0 and 1"),
        ("%prune model --data loader --score own", "invalid choice"),
        ("%shrink model --data loader --max-loss -1pt", "is not an accepted loss"),
        ("%distil model --data loader --layers 0", "A model of 0 layers is invalid"),
        ("%shrink model --data loader --max-loss 200pt", "accepts any model"),
        ("%distil model --data loader --student y", ""),
        ("%shrink model --data 'x", "in quotes"),
        ("%shrink [model][4] --data loader -o small", "is not defined in this notebook (list index out of range)"),
        ("%shrink model/0 --data loader -o small", "can't be evaluated (TypeError: "),
    ],
)
def test_wrong_lines(kernel: Kernel, line: str, sentence: str) -> None:
    done = kernel.run(line)
    assert "UsageError" in said(done)
    assert sentence in said(done)


def test_unloading_takes_them_away(tmp_path: Path) -> None:
    with running(tmp_path) as kernel:
        assert kernel.run("%load_ext jupyter_green", "load").status == "ok"
        assert kernel.run("%unload_ext jupyter_green").status == "ok"
        assert "not found" in said(kernel.run("%shrink model"))
