"""Saved and loaded in a fresh process; what was tampered with is refused in one sentence, and never run."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import jupyter_green as green
from jupyter_green.compression.errors import ShrinkError
from jupyter_green.compression.model.source_model import SourceModel, main_tensor
from jupyter_green.compression.reasons import Reason
from jupyter_green.compression.recipes.autocast import Autocast
from jupyter_green.compression.recipes.channels_last import ChannelsLast
from jupyter_green.compression.recipes.depth import Depth
from jupyter_green.compression.recipes.heads import Heads
from jupyter_green.compression.recipes.integer import TorchInteger
from jupyter_green.compression.recipes.onnx_runtime import OnnxDynamic, OnnxFloat
from jupyter_green.compression.recipes.precision import BFloat16
from jupyter_green.compression.recipes.pruning import Prune
from jupyter_green.compression.recipes.recipe import RecipeResult
from jupyter_green.compression.result import ResultRow, ShrinkResult
from jupyter_green.compression.result_details import ResultDetails
from jupyter_green.compression.store.folder import checksum, digest, opened
from jupyter_green.compression.store.load import made_of
from tests.compression.chain import Chain
from tests.compression.test_recipes import case_of
from tests.support import models

FRESH = """
import sys, torch, jupyter_green as green
held = torch.load(sys.argv[2], weights_only=True)
model = green.load(sys.argv[1])
assert "jupyter_green.magics" not in sys.modules
with torch.inference_mode():
    out = model(**held["inputs"]) if isinstance(held["inputs"], dict) else model(held["inputs"])
out = out if isinstance(out, torch.Tensor) else out.logits
assert (out - held["out"]).abs().max() < 1e-3 * held["out"].abs().max() + 1e-3, (out, held["out"])
print("same")
"""

PROVEN = Reason("proven", examples=2000)


def result_of(original: SourceModel, product: RecipeResult, sample: Any) -> ShrinkResult:
    """Return a result as the search makes it, with figures that are not looked at here."""
    facts = ResultDetails(original, product, "accuracy", "points", 0.01, "batch 2", sample=sample)
    return ShrinkResult(
        product.model,
        "a recipe",
        0.5,
        (0.4, 0.6),
        1.0,
        0.5,
        "cpu_seconds",
        "estimated",
        0.0,
        (0.0, 0.0),
        True,
        PROVEN,
        [ResultRow("a recipe", "kept", PROVEN)],
        1.0,
        1.0,
        10,
        facts,
    )


def made(recipe: Any, model: Any, data: Any, folder: Path) -> tuple[ShrinkResult, Any]:
    case = case_of(model, data, seconds=0.5)
    assert recipe.applies(case) is None
    product = recipe.apply(case)
    sample = case.tune[0].part(0, 2).inputs
    result = result_of(case.original, product, sample)
    assert result.save(folder) == folder
    return result, sample


def answer(model: Any, sample: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = main_tensor(model(**sample) if isinstance(sample, dict) else model(sample)).float()
    return found


SPARED = "bert.encoder.layer.1.output.dense"
TEXT = [
    *(OnnxFloat(), OnnxDynamic(), OnnxDynamic([SPARED]), BFloat16(), TorchInteger(), TorchInteger([SPARED])),
    *(Autocast("bf16"), Depth(2), Prune(0.5), Heads(0.5), Chain((Depth(2), OnnxDynamic()))),
    Chain((Heads(0.5), Depth(2), TorchInteger())),
]


@pytest.mark.parametrize("recipe", [*TEXT, Chain((Depth(2), TorchInteger()))], ids=lambda recipe: recipe.name)
def test_a_transformers_model_loads_alone(recipe: Any, sentence_model: Any, tmp_path: Path) -> None:
    if (
        isinstance(recipe, (BFloat16, Autocast))
        and recipe.applies(case_of(sentence_model, models.sentences(seed=2))) is not None
    ):
        pytest.skip("this processor has no bfloat16 units")
    result, sample = made(recipe, sentence_model, models.sentences(seed=2), tmp_path / "saved")
    loaded = here(tmp_path / "saved")
    torch.testing.assert_close(answer(loaded, sample), answer(result.model, sample), atol=1e-3, rtol=1e-3)
    assert not loaded.training


def test_what_was_undone_is_not_saved(sentence_model: Any, tmp_path: Path) -> None:
    result, _ = made(Depth(2), sentence_model, models.sentences(seed=2), tmp_path / "saved")
    assert result.undo() is sentence_model
    with pytest.raises(ShrinkError, match="This was undone: the model is the original"):
        result.save(tmp_path / "undone")
    assert not (tmp_path / "undone").exists()


VIT = [BFloat16(), TorchInteger(), Depth(2), Prune(0.5), Heads(0.5), Chain((Heads(0.5), Depth(2), TorchInteger()))]


@pytest.mark.parametrize("recipe", VIT, ids=lambda recipe: recipe.name)
def test_weights_that_transformers_names_otherwise_load_too(recipe: Any, tmp_path: Path) -> None:
    data = models.pictures(seed=2)
    if isinstance(recipe, BFloat16) and recipe.applies(case_of(models.vit(), data)) is not None:
        pytest.skip("this processor has no bfloat16 units")
    result, sample = made(recipe, models.vit(), data, tmp_path / "saved")
    loaded = here(tmp_path / "saved")
    torch.testing.assert_close(answer(loaded, sample), answer(result.model, sample), atol=1e-3, rtol=1e-3)
    assert not loaded.training


def test_weights_named_otherwise_that_do_not_fit_are_one_sentence(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    made(Depth(2), models.vit(), models.pictures(seed=2), tmp_path / "saved")
    path = tmp_path / "saved" / "model.safetensors"
    weights = load_file(path)
    name = next(one for one in weights if one.endswith("attention.query.weight"))
    whole = {"whole.numbers": torch.ones(2, dtype=torch.long)}
    for changed in ({**weights, "more": torch.ones(2)}, {**weights, name: torch.ones(3, 3)}, whole):
        save_file(changed, path)
        note(tmp_path / "saved")
        assert "weights don't fit the model" in refused(tmp_path / "saved", here)
    save_file({one: value for one, value in weights.items() if one != name}, path)
    note(tmp_path / "saved")
    assert "1 are missing" in refused(tmp_path / "saved", here)


@pytest.mark.parametrize("recipe", [BFloat16(), ChannelsLast(), Prune(0.5)], ids=lambda recipe: recipe.name)
def test_a_class_of_ones_own_needs_an_instance(recipe: Any, picture_model: Any, tmp_path: Path) -> None:
    if recipe.applies(case_of(picture_model, models.pictures(seed=2))) is not None:
        pytest.skip("this processor has no bfloat16 units")
    result, sample = made(recipe, picture_model, models.pictures(seed=2), tmp_path / "saved")
    with pytest.raises(ShrinkError, match=r"model=Picture\(\.\.\.\)"):
        green.load(tmp_path / "saved")
    with pytest.raises(ShrinkError, match="shrunk Picture, and model is Blocks"):
        green.load(tmp_path / "saved", model=models.Blocks())
    fresh = models.Picture()
    loaded = green.load(tmp_path / "saved", model=fresh)
    torch.testing.assert_close(answer(loaded, sample), answer(result.model, sample), atol=1e-3, rtol=1e-3)
    assert fresh.stem[0].out_channels == 32
    with pytest.raises(ShrinkError, match=r"The weights don't fit|another shape|differently"):
        green.load(tmp_path / "saved", model=type("Picture", (models.Blocks,), {})())


def test_layers_of_ones_own_class(points_model: Any, tmp_path: Path) -> None:
    result, sample = made(Depth(2), points_model, models.points(seed=2), tmp_path / "saved")
    loaded = green.load(tmp_path / "saved", model=models.Blocks())
    assert len(loaded.blocks) == 2
    torch.testing.assert_close(answer(loaded, sample), answer(result.model, sample))


def test_layers_that_were_narrowed_one_after_the_other(points_model: Any, tmp_path: Path) -> None:
    result, sample = made(Prune(0.5), points_model, models.points(seed=2), tmp_path / "saved")
    loaded = green.load(tmp_path / "saved", model=models.Blocks())
    assert loaded.first.out_features == result.model.first.out_features < models.Blocks().first.out_features
    assert loaded.last.out_features == models.Blocks().last.out_features
    torch.testing.assert_close(answer(loaded, sample), answer(result.model, sample))


@pytest.mark.parametrize("recipe", [OnnxDynamic(), Depth(2)], ids=lambda recipe: recipe.name)
def test_in_a_fresh_process(recipe: Any, sentence_model: Any, tmp_path: Path) -> None:
    result, sample = made(recipe, sentence_model, models.sentences(seed=2), tmp_path / "saved")
    torch.save({"inputs": sample, "out": answer(result.model, sample)}, tmp_path / "held.pt")
    done = subprocess.run(
        [sys.executable, "-c", FRESH, tmp_path / "saved", tmp_path / "held.pt"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "same", done.stderr


def test_plain_transformers_reads_it_without_us(sentence_model: Any, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    result, sample = made(Prune(0.5), sentence_model, models.sentences(seed=2), tmp_path / "saved")
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved").eval()
    assert torch.equal(answer(loaded, sample), answer(result.model, sample))


def test_nothing_of_a_person_is_in_the_folder(sentence_model: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    _, sample = made(OnnxFloat(), sentence_model, models.sentences(seed=2), tmp_path / "saved")
    probe = load_file(tmp_path / "saved" / "probe.safetensors")
    assert not torch.equal(probe["in.input_ids"], sample["input_ids"])
    for file in (tmp_path / "saved").iterdir():
        assert str(tmp_path).encode() not in file.read_bytes()
        assert b"jupyter_green/" not in file.read_bytes()


def test_a_folder_that_is_there_is_left_alone(points_model: Any, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / ".hidden").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").write_text("mine")
    case = case_of(points_model, models.points(seed=2))
    result = result_of(case.original, OnnxFloat().apply(case), case.tune[0].part(0, 2).inputs)
    for name in ("saved", "link", "file"):
        with pytest.raises(ShrinkError, match="exists already"):
            result.save(tmp_path / name)
    assert [file.name for file in (tmp_path / "saved").iterdir()] == [".hidden"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "link", "saved"]


def test_an_empty_folder_is_written_into(points_model: Any, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    case = case_of(points_model, models.points(seed=2))
    result = result_of(case.original, OnnxFloat().apply(case), case.tune[0].part(0, 2).inputs)
    assert result.save(tmp_path / "saved") == tmp_path / "saved"
    assert list(tmp_path.iterdir()) == [tmp_path / "saved"]
    assert green.load(tmp_path / "saved") is not None


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of this kind")
@pytest.mark.parametrize("recipe", [OnnxFloat, BFloat16])
def test_a_folder_that_cannot_be_written_is_one_sentence(points_model: Any, tmp_path: Path, recipe: Any) -> None:
    import resource

    case = case_of(points_model, models.points(seed=2))
    result = result_of(case.original, recipe().apply(case), case.tune[0].part(0, 2).inputs)
    (tmp_path / "file").write_text("")
    for path in ("file/saved", "a" * 300, "nul\0"):
        with pytest.raises(ShrinkError, match=r"^[^\n]+ can't be written[^\n]+$"):
            result.save(tmp_path / path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(ShrinkError, match=r"saved can't be written \([^\n]+\); nothing was saved there\.$"):
            result.save(tmp_path / "saved")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    assert result.save(tmp_path / "saved").is_dir()


# ---- tampered folders -----------------------------------------------------------------------------


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return (Path.write_text, (self.target, "run"))


@pytest.fixture(scope="module")
def saved(sentence_model: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    made(OnnxFloat(), sentence_model, models.sentences(seed=2), folder / "onnx")
    made(Depth(2), sentence_model, models.sentences(seed=2), folder / "plain")
    return folder / "onnx", folder / "plain"


@pytest.fixture
def copies(saved: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    import shutil

    return tuple(Path(shutil.copytree(folder, tmp_path / folder.name)) for folder in saved)


def here(folder: Path, model: Any = None) -> Any:
    """Load a folder without the process that tries it first, which has tests of its own."""
    return made_of(opened(folder), model)


def note(folder: Path, **changes: Any) -> None:
    """Change shrink.json, checksums of the files as they are now included: an attacker would do that too."""
    data = json.loads((folder / "shrink.json").read_text())
    data["files"] = {name: digest(folder / name) for name in data["files"] if (folder / name).exists()}
    data = {**data, **changes}
    (folder / "shrink.json").write_text(json.dumps({**data, "checksum": checksum(data)}))


def refused(folder: Path, load: Callable[[Path], Any] = green.load) -> str:
    with pytest.raises(ShrinkError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["model.pkl", "pytorch_model.bin", "model.pt2", "modeling_own.py", "x.pth", "lib.so"])
def test_files_that_could_run_code(copies: tuple[Path, Path], name: str, tmp_path: Path) -> None:
    (copies[0] / name).write_bytes(pickle.dumps(Bomb(tmp_path / "run")))
    assert "could run code" in refused(copies[0])
    assert not (tmp_path / "run").exists()


def test_a_pickle_under_a_weights_name(copies: tuple[Path, Path], tmp_path: Path) -> None:
    (copies[1] / "model.safetensors").write_bytes(pickle.dumps(Bomb(tmp_path / "run")))
    assert "checksum differs" in refused(copies[1])
    note(copies[1])
    assert "damaged" in refused(copies[1])
    assert not (tmp_path / "run").exists()


def test_links(copies: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes((copies[0] / "model.onnx").read_bytes())
    (copies[0] / "model.onnx").unlink()
    (copies[0] / "model.onnx").symlink_to(tmp_path / "elsewhere")
    assert "is a link" in refused(copies[0])


def test_other_files_and_folders(copies: tuple[Path, Path]) -> None:
    (copies[1] / "adapter_config.json").write_text("{}")
    assert "does not belong" in refused(copies[1])
    (copies[1] / "adapter_config.json").unlink()
    (copies[1] / "inner").mkdir()
    assert "is a folder" in refused(copies[1])


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "README.md"])
def test_names_that_lead_elsewhere(copies: tuple[Path, Path], name: str) -> None:
    note(copies[0], files={name: "0" * 64})
    assert "which files belong" in refused(copies[0])


@pytest.mark.parametrize(
    "change",
    [
        {"auto_map": {"AutoModel": "own.Model"}},
        {"quantization_config": {"quant_method": "own"}},
        {"attn_implementation": "somebody/kernels"},
        {"architectures": ["Popen"]},
        {"architectures": ["pipeline"]},
        {"architectures": ["GPT2LMHeadModel"]},
        {"architectures": "x"},
        {"model_type": "own"},
    ],
    ids=str,
)
def test_configurations_that_name_code(copies: tuple[Path, Path], change: dict[str, Any]) -> None:
    path = copies[1] / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    note(copies[1])
    assert refused(copies[1], here)


def edited(folder: Path, edit: Callable[[Any, Any], None]) -> None:
    import onnx

    path = folder / "model.onnx"
    model = onnx.load_model(path)
    edit(onnx, model)
    path.write_bytes(model.SerializeToString())
    note(folder)


def test_operators_of_ones_own(copies: tuple[Path, Path]) -> None:
    def own(onnx: Any, model: Any) -> None:
        model.opset_import.append(onnx.helper.make_opsetid("evil", 1))
        model.graph.node[0].domain = "evil"

    edited(copies[0], own)
    assert "somebody's own code" in refused(copies[0])


def test_operators_hidden_in_a_branch(copies: tuple[Path, Path]) -> None:
    def own(onnx: Any, model: Any) -> None:
        inner = onnx.helper.make_graph([onnx.helper.make_node("Run", [], ["y"], domain="evil")], "inner", [], [])
        model.graph.node.append(onnx.helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner))

    edited(copies[0], own)
    assert "evil.Run" in refused(copies[0])


def test_data_outside_the_file(copies: tuple[Path, Path]) -> None:
    def outside(onnx: Any, model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.raw_data = b"0"
        onnx.external_data_helper.set_external_data(tensor, location="../../../etc/passwd")
        tensor.data_location = onnx.TensorProto.EXTERNAL

    edited(copies[0], outside)
    assert "in other files" in refused(copies[0])


def test_damaged_and_incomplete_folders(copies: tuple[Path, Path], tmp_path: Path) -> None:
    onnx, plain = copies
    assert "no folder" in refused(tmp_path / "nowhere")
    (onnx / "model.onnx").write_bytes((onnx / "model.onnx").read_bytes()[:-1])
    assert "checksum differs" in refused(onnx)
    note(onnx)
    assert refused(onnx)
    (onnx / "model.onnx").unlink()
    (onnx / "shrink.json").write_text((plain / "shrink.json").read_text())
    assert "is missing" in refused(onnx)
    (plain / "shrink.json").write_text("{")
    assert "not JSON" in refused(plain)
    (plain / "shrink.json").write_text("[]")
    assert "no object" in refused(plain)
    (plain / "shrink.json").write_text('{"schema": 99}')
    assert "Upgrade" in refused(plain)
    (plain / "shrink.json").unlink()
    assert "not a model saved by" in refused(plain)


@pytest.mark.parametrize(
    "step",
    [
        {"recipe": "torchao", "kind": "int8"},
        {"recipe": "torch-int8", "engine": "somebody's"},
        {"recipe": "torch-int8", "engine": "onednn", "spared": [1]},
        {"recipe": "autocast", "kind": "fp4", "device": "cpu"},
        {"recipe": "integer-weights", "bits": 3},
        {"recipe": "integer-weights", "bits": True},
        {"recipe": "integer-weights", "bits": 8, "threads": "all"},
        {"recipe": "integer-weights", "bits": 8, "spared": "all"},
        {"recipe": "compiled", "inside": "anything"},
        {"recipe": "heads", "kept": "many"},
        {"recipe": "heads", "kept": 7},
    ],
    ids=str,
)
def test_steps_that_are_not_ours(copies: tuple[Path, Path], step: dict[str, Any]) -> None:
    steps = json.loads((copies[1] / "shrink.json").read_text())["steps"]
    note(copies[1], steps=[*steps, step])
    assert refused(copies[1], here)


@pytest.mark.parametrize("threads", ["many", 0, -1, True, 1.5])
def test_threads_are_a_number(copies: tuple[Path, Path], threads: Any) -> None:
    steps = json.loads((copies[0] / "shrink.json").read_text())["steps"]
    note(copies[0], steps=[{**step, "threads": threads} for step in steps])
    assert refused(copies[0], here)


def test_other_weights_are_noticed(copies: tuple[Path, Path]) -> None:
    from safetensors.torch import load_file, save_file

    path = copies[1] / "model.safetensors"
    weights = {name: value + 0.5 * torch.randn_like(value) for name, value in load_file(path).items()}
    save_file(weights, path)
    note(copies[1])
    assert "No library has changed since" in refused(copies[1], here)
    note(copies[1], versions={"torch": "1.0", "onnx": json.loads((copies[1] / "shrink.json").read_text())["class"]})
    said = refused(copies[1], here)
    assert "answers differently" in said
    assert f"torch 1.0 (here {torch.__version__})" in said
    note(copies[1], versions="none")
    assert "answers differently" in refused(copies[1], here)
