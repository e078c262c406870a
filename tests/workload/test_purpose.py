"""What a cell is found to do with a model: taps on real libraries, taken out again."""

from __future__ import annotations

import pytest

from jupyter_green.session.workload.purpose import WorkloadDetector, guessed

torch = pytest.importorskip("torch")
pytest.importorskip("transformers.generation.utils")


@pytest.fixture
def watch():
    made = WorkloadDetector()
    made.open()
    yield made
    made.close()


def methods():
    from torch.autograd.grad_mode import inference_mode, no_grad
    from transformers.generation.utils import GenerationMixin

    places = (torch.Tensor, torch.nn.Module, no_grad, inference_mode, GenerationMixin)
    names = ("backward", "eval", "__enter__", "__enter__", "generate")
    return [getattr(place, name) for place, name in zip(places, names, strict=True)]


def train():
    model = torch.nn.Linear(2, 1)
    model(torch.ones(3, 2)).sum().backward()


def test_nothing_and_plain_sums_are_other(watch):
    assert watch.purpose == "other"
    torch.ones(3).sum()
    assert watch.purpose == "other"


def test_a_loss_that_goes_backward_is_training(watch):
    train()
    assert watch.purpose == "training"


def test_an_evaluation_inside_training_is_part_of_it(watch):
    torch.nn.Linear(2, 1).eval()
    train()
    with torch.no_grad():
        torch.ones(3).sum()
    assert watch.purpose == "training"


@pytest.mark.parametrize("block", ["no_grad", "inference_mode"])
def test_a_block_without_gradients_is_inference(watch, block):
    with getattr(torch, block)():
        torch.nn.Linear(2, 1)(torch.ones(3, 2))
    assert watch.purpose == "inference"


def test_eval_is_inference(watch):
    torch.nn.Linear(2, 1).eval()
    assert watch.purpose == "inference"


def test_making_a_model_and_stepping_are_not(watch):
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.LSTM(4, 4))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    torch.optim.AdamW(model.parameters()).step()
    assert watch.purpose == "other"


def test_generating_is_inference(watch):
    from tests.workload.models import decoder, prompts

    decoder().generate(prompts(1, 3), max_new_tokens=2)
    assert watch.purpose == "inference"


def test_making_a_transformer_is_not(watch):
    from transformers import GPT2Config, GPT2LMHeadModel

    GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=1, n_embd=8, vocab_size=20))
    assert watch.purpose == "other"


def test_a_compiled_function_still_compiles(watch):
    def evaluate(x):
        with torch.no_grad():
            return torch.sin(x) + 1

    compiled = torch.compile(evaluate, backend="eager", fullgraph=True)
    assert torch.equal(compiled(torch.ones(3)), evaluate(torch.ones(3)))


def test_nothing_is_left_behind():
    before = methods()
    watch = WorkloadDetector()
    watch.open()
    assert methods() != before
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.ones(1).backward()
    watch.close()
    assert methods() == before


@pytest.mark.parametrize(
    ("source", "purpose"),
    [
        ("loss.backward()", "training"),
        ("Trainer(model).train()", "training"),
        ("%shrink model --data test", "training"),
        ("clf.fit(x, y)\nclf.predict(x)", "training"),
        ("out = model.generate(ids)", "inference"),
        ("with torch.no_grad():\n    model(x)", "inference"),
        ("pipeline('summarization')", "inference"),
        ("# loss.backward()\nx = 1", "other"),
        ("import torch", "other"),
        ("", "other"),
    ],
)
def test_a_first_guess_from_the_text(source, purpose):
    assert guessed(source) == purpose
