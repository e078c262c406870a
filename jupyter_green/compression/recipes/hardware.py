"""Whether a processor or a GPU computes in 16 bits natively."""

from __future__ import annotations

UNITS = {"bf16": ("avx512_bf16", "amx_bf16", "amx_tile"), "fp16": ("avx512_fp16", "amx_fp16")}
"""What a processor has that multiplies 16 bits, as PyTorch calls it."""


def too_old(name: str, capability: tuple[int, int]) -> str | None:
    """Return why a GPU of a compute capability can't; bfloat16 came with 8.0, float16 with 5.3, fast from 7.0 on."""
    least = (8, 0) if name == "bf16" else (7, 0)
    if capability >= least:
        return None
    return (
        f"{name} needs a GPU of compute capability {least[0]}.{least[1]}; this one has {capability[0]}.{capability[1]}."
    )


def processor_can(name: str) -> bool:
    """Whether this processor multiplies bfloat16 or float16 itself."""
    import torch

    told = getattr(torch.cpu, "get_capabilities", None)
    if told is not None:
        return any(bool(told().get(unit)) for unit in UNITS[name])
    # An older PyTorch tells of some alone.
    checks = (getattr(torch.cpu, f"_is_{unit}_supported", None) for unit in UNITS[name])
    return any(bool(check()) for check in checks if check is not None)
