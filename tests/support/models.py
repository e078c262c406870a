"""Small real models that are trained in a second, and the data they were trained for."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Blocks(nn.Module):
    """A network of like layers in a list, as a person writes one."""

    def __init__(self, layers: int = 4, width: int = 64) -> None:
        super().__init__()
        self.first = nn.Linear(12, width)
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(width, width), nn.ReLU()) for _ in range(layers)])
        self.last = nn.Linear(width, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return self.last(x)


class Picture(nn.Module):
    """A convolutional network with a shortcut, whose channels hang together."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.inner = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.pool = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(width, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return self.head(self.pool(x + self.inner(x)))


class Tied(nn.Module):
    """A language model whose table of words is its output layer."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 16)
        self.inner = nn.Linear(16, 16)
        self.out = nn.Linear(16, 50, bias=False)
        self.out.weight = self.words.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.relu(self.inner(self.words(x))))


def points(count: int = 2400, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return points in twelve dimensions and which of three half-spaces they lie deepest in."""
    drawn = torch.Generator().manual_seed(seed)
    rule = torch.randn(12, 3, generator=torch.Generator().manual_seed(99))
    x = torch.randn(count, 12, generator=drawn)
    return x, (x @ rule).argmax(-1)


def pictures(count: int = 1200, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return noisy pictures with bars that lie, stand or slant."""
    drawn = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 3, (count,), generator=drawn)
    line = torch.arange(12)
    kinds = torch.zeros(3, 12, 12)
    kinds[0, 5:7, :], kinds[1, :, 5:7], kinds[2, line, line] = 1, 1, 1
    x = kinds[y][:, None] + 0.5 * torch.randn(count, 1, 12, 12, generator=drawn)
    return x, y


def sentences(count: int = 1600, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return token ids of two lengths, with their mask; the class is which of three words comes first."""
    drawn = torch.Generator().manual_seed(seed)
    ids = torch.randint(10, 100, (count, 16), generator=drawn)
    y = torch.randint(0, 3, (count,), generator=drawn)
    ids[:, 1] = y + 3
    mask = torch.ones_like(ids)
    mask[::2, 10:] = 0
    return {"input_ids": ids * mask, "attention_mask": mask, "labels": y}


def bert(layers: int = 4) -> Any:
    """Return a small BERT classifier, not trained."""
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=120,
        hidden_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=32,
        num_labels=3,
    )
    return BertForSequenceClassification(config).eval()


def vit(layers: int = 3) -> Any:
    """Return a small vision transformer, not trained; transformers saves its weights under names of their own."""
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(1)
    config = ViTConfig(
        hidden_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=128,
        image_size=12,
        patch_size=4,
        num_channels=1,
        num_labels=3,
    )
    return ViTForImageClassification(config).eval()


def trained(model: Any, inputs: Any, labels: torch.Tensor, *, steps: int = 150, rate: float = 3e-3) -> Any:
    """Train a model for a moment and return it in evaluation mode."""
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    model.train()
    for step in range(steps):
        chosen = torch.arange(step * 32, step * 32 + 32) % len(labels)
        if isinstance(inputs, dict):
            out = model(**{name: value[chosen] for name, value in inputs.items()}).logits
        else:
            out = model(inputs[chosen])
        loss = nn.functional.cross_entropy(out, labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    optimizer.zero_grad()
    return model.eval()


def language(layers: int = 3) -> Any:
    """Return a small causal language model with tied words and grouped keys, not trained."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(2)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    return LlamaForCausalLM(config).eval()


def texts(count: int = 300, length: int = 12, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return token ids in which each follows from the one before it, four times in five."""
    drawn = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 60, (count, length), generator=drawn)
    for place in range(1, length):
        told = torch.rand(count, generator=drawn) < 0.8
        ids[:, place] = torch.where(told, (3 * ids[:, place - 1] + 7) % 55 + 5, ids[:, place])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


class Wordy(nn.Module):
    """Answers with a dictionary, or with a tuple whose first is no tensor, called by names of its own."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form, self.inner = form, Blocks()

    def forward(self, *, points: torch.Tensor, scale: torch.Tensor) -> Any:
        out = self.inner(points * scale[:, None])
        return {"note": "text", "logits": out} if self.form == "dict" else ("text", out)
