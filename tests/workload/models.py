"""Tiny models with random weights; nothing is downloaded."""

from __future__ import annotations

from typing import Any

VOCABULARY, PAD = 99, 0
PLAIN: dict[str, Any] = {"pad_token_id": PAD, "eos_token_id": None, "bos_token_id": None}


def decoder() -> Any:
    """A GPT-2 of two layers whose answers never end by themselves."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(5)
    shape = {"n_layer": 2, "n_head": 2, "n_embd": 32, "n_positions": 256, "vocab_size": VOCABULARY}
    return GPT2LMHeadModel(GPT2Config(**shape, **PLAIN)).eval()


def encoder_decoder() -> Any:
    """A T5 of two layers whose answers never end by themselves."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(6)
    shape = {"d_model": 32, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "vocab_size": VOCABULARY}
    return T5ForConditionalGeneration(T5Config(**shape, **PLAIN, decoder_start_token_id=PAD)).eval()


def prompts(count: int, length: int) -> Any:
    """Random prompts without padding."""
    import torch

    return torch.randint(1, VOCABULARY, (count, length), generator=torch.Generator().manual_seed(count * 100 + length))
