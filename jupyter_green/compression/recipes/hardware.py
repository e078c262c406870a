"""Whether a processor or a GPU computes in 16 bits natively."""

from __future__ import annotations

UNITS = {"bf16": ("avx512_bf16", "amx_bf16", "amx_tile"), "fp16": ("avx512_fp16", "amx_fp16")}
"""CPU features for 16-bit multiplication, in PyTorch's names."""


def too_old(name: str, capability: tuple[int, int]) -> str | None:
    """Return why a GPU of this compute capability lacks a 16-bit format; None if it has it.

    bfloat16 needs 8.0; float16 exists from 5.3, but is fast from 7.0 only.
    """
    least = (8, 0) if name == "bf16" else (7, 0)
    if capability >= least:
        return None
    return (
        f"{name} needs a GPU of compute capability {least[0]}.{least[1]}; this one has {capability[0]}.{capability[1]}."
    )


def processor_can(name: str) -> bool:
    """Whether this processor multiplies bfloat16 or float16 natively."""
    import torch

    capabilities = getattr(torch.cpu, "get_capabilities", None)
    if capabilities is not None:
        return any(bool(capabilities().get(unit)) for unit in UNITS[name])
    # Older versions of PyTorch have separate functions, for some of the features.
    checks = (getattr(torch.cpu, f"_is_{unit}_supported", None) for unit in UNITS[name])
    return any(bool(check()) for check in checks if check is not None)
