"""Why a candidate is kept, dropped, not tried or not proven: a code and its parameters.

Code that decides reads the code; the sentence is made in `report.messages` alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Inconclusive = Literal[
    "too few rounds",
    "no reading",
    "throttled",
    "baseline throttled",
    "noisy",
    "threads may spin",
    "no gain in one thread",
]
"""Of a cost that was benchmarked and can't be compared."""
CostCode = Literal[
    Inconclusive,
    "rounds",
    "interval includes 1",
    "far more",
    "device shared",
    "power may differ",
    "busy machine",
    "not benchmarked",
    "benchmark failed",
]
"""Of a cost beside another cost."""
SearchCode = Literal[
    "not applicable",
    "time up",
    "interrupted before it was tried",
    "failed",
    "costs more",
    "not less",
    "loses more",
    "other trained on",
    "front",
    "dominated",
    "also tested",
    "reference",
    "control",
]
"""Of a row."""
TestCode = Literal[
    "proven",
    "same numbers",
    "loss too large",
    "loss not proven",
    "proven to cost more",
    "less not proven",
    "cost not tested",
    "failed in the test",
    "reload failed",
    "original failed",
    "no skill",
    "not tested in time",
    "interrupted before the test",
    "chosen by hand",
]
"""Of the final evaluation."""
NothingCode = Literal[
    "interrupted",
    "no time",
    "no time for the original",
    "nothing applies",
    "none proven",
]
"""Of a search that tested nothing."""
Code = Literal[CostCode, SearchCode, TestCode, NothingCode]


@dataclass(frozen=True)
class Reason:
    """A reason; parameters that its code doesn't have are None, empty or False."""

    code: Code
    """What is the case."""
    cause: Reason | None = None
    """The reason for that."""
    detail: str = ""
    """Text of a library, a recipe or the reload check; shown, never read."""
    name: str = ""
    reference: str = ""
    """The candidate, and the model that its cost is compared with."""
    examples: int | None = None
    needed: int | None = None
    """Examples of a split, and the estimated number that would prove the loss."""
    rounds: int | None = None
    steps: int | None = None
    tried: int | None = None
    """Rounds of a benchmark, training steps, and candidates of a search."""
    factor: float | None = None
    """Cost relative to the reference."""
    others: float | None = None
    """Share of the processor that other programs used."""
    variation: float | None = None
    half_width: float | None = None
    """Standard deviation of one model's cost between rounds, and half the ratio's 95 % interval; both relative."""
    energy: bool = False
    """Whether the higher cost is energy; else processor time."""
    one_thread: bool = False
    """Whether it holds also against the original in one thread."""
    against_control: bool = False
    """Whether the loss is that against an equally trained original."""

    @property
    def inconclusive(self) -> bool:
        """Whether a cost was benchmarked and can't be compared."""
        return self.code in get_args(Inconclusive)


def plain_data(reason: Any) -> dict[str, Any]:
    """Return the code and the parameters that a reason has, JSON-ready; also of a reason of `comparison`."""

    def having(items: list[tuple[str, Any]]) -> dict[str, Any]:
        return {name: value for name, value in items if value is not None and value is not False and value != ""}

    return asdict(reason, dict_factory=having)
