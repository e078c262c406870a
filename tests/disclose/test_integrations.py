"""Where people already are: a real Trainer, a real MLflow without a server, a pipeline among the candidates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from jupyter_green.disclose.logger import MlflowLogger, log, numbers_of, words_of
from jupyter_green.disclose.trainer import SO_FAR, trainer_callback
from jupyter_green.session import Session
from jupyter_green.session.session import ABANDONED
from tests.disclose.sample import cpu, gpu, record

torch = pytest.importorskip("torch")


class Kept:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}
        self.steps: list[int | None] = []

    def numbers(self, values: Mapping[str, float], step: int | None = None) -> None:
        self.said.update(values)
        self.steps.append(step)

    def words(self, values: Mapping[str, str]) -> None:
        self.said.update(values)


@pytest.fixture
def session() -> Iterator[Session]:
    held = Session()
    yield held
    held.end()


def test_absent_is_left_out() -> None:
    kept = Kept()
    log(record(gpu(None)), kept)
    assert "energy.joules" not in kept.said
    assert kept.said["energy.quality"] == "no reading"
    log(record(gpu(), cpu(), units=4.0, unit="images"), kept, step=7)
    assert kept.said["energy.joules"] == 5400
    assert kept.said["energy.joules_per_unit"] == 1350
    assert kept.said["energy.quality"] == "estimated"
    assert kept.steps[-1] == 7


def test_mlflow_reads_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    one = record(gpu(), cpu())
    with mlflow.start_run() as run:
        log(one, MlflowLogger(), step=3)
    log(one, MlflowLogger(run.info.run_id), prefix="again")
    found = mlflow.MlflowClient().get_run(run.info.run_id).data
    for prefix in ("energy", "again"):
        for name, value in numbers_of(one).items():
            assert found.metrics[f"{prefix}.{name}"] == pytest.approx(value)
        for name, word in words_of(one).items():
            assert found.tags[f"{prefix}.{name}"] == word


def test_a_training_is_metered(session: Session, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    from tests.support import models

    held = models.sentences(64)
    examples = [{name: value[place] for name, value in held.items()} for place in range(64)]
    kept = Kept()
    callback = trainer_callback("fine-tune", logger=kept, session=session)
    assert callback.record is None
    arguments = transformers.TrainingArguments(
        str(tmp_path), max_steps=6, logging_steps=2, report_to=[], save_strategy="no", use_cpu=True, disable_tqdm=True
    )
    trainer = transformers.Trainer(models.bert(2), arguments, train_dataset=examples, callbacks=[callback])
    trainer.train()
    found = callback.record
    assert found is not None
    assert (found.label, found.units, found.unit, found.status) == ("fine-tune", 6.0, "step", "ok")
    assert found.joules is not None
    assert kept.said["energy.joules"] == pytest.approx(found.joules)
    assert kept.steps == [6]
    logged = [line[SO_FAR] for line in trainer.state.log_history if SO_FAR in line]
    assert logged == sorted(logged)


def test_a_training_that_raises_ends_where_it_was_last_seen(session: Session, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    from tests.support import models

    class Broken(transformers.TrainerCallback):  # type: ignore[misc]  # transformers is taken as untyped
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 3:
                raise ValueError("bad batch")

    held = models.sentences(64)
    examples = [{name: value[place] for name, value in held.items()} for place in range(64)]
    callback = trainer_callback("fine-tune", session=session)
    arguments = transformers.TrainingArguments(
        str(tmp_path), max_steps=6, report_to=[], save_strategy="no", use_cpu=True, disable_tqdm=True
    )
    trainer = transformers.Trainer(models.bert(2), arguments, train_dataset=examples, callbacks=[callback, Broken()])
    with pytest.raises(ValueError, match="bad batch"), session.window("cell"):
        trainer.train()
    assert session.open_windows() == ()
    found = callback.record
    assert found is not None
    assert (found.status, found.units) == ("error", 3.0)
    assert ABANDONED in found.notes


def test_a_pipeline_among_the_candidates(session: Session) -> None:
    transformers = pytest.importorskip("transformers")
    from jupyter_green.comparison.api import compare
    from tests.support import models

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film", "shop"]
    tokenizers = pytest.importorskip("tokenizers")
    words = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: place for place, word in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    model = models.bert(1)
    model.config.id2label, model.config.label2id = (
        {0: "kind", 1: "unkind", 2: "other"},
        {"kind": 0, "unkind": 1, "other": 2},
    )
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    data = (["good film", "bad shop"] * 20, [0, 1] * 20)
    options: dict[str, Any] = {"time": "1s", "session": session, "progress": False}
    found = compare({"pipe": pipe, "rule": lambda text: 0 if "good" in text else 1}, data, **options)
    assert found.best == "rule"
    assert found.row("pipe").utility is not None
    assert found.row("pipe").kind == "text-classification pipeline"
    with_names = (data[0], ["kind", "unkind"] * 20)
    named = compare({"pipe": pipe, "rule": lambda text: "kind" if "good" in text else "unkind"}, with_names, **options)
    assert named.row("pipe").utility == found.row("pipe").utility
