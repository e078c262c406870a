"""Floor 4: what joules are held against. Functions and plain objects over the ledger's records."""

from .baseline import Baseline, BaselineCell, Matching
from .book import BaselineError, Book, Choice, Standing, chosen_name, forget, keep_run, read_file
from .comparison import Against, Comparison
from .excess import Excess, excess
from .reading import Reading

__all__ = [
    "Against",
    "Baseline",
    "BaselineCell",
    "BaselineError",
    "Book",
    "Choice",
    "Comparison",
    "Excess",
    "Matching",
    "Reading",
    "Standing",
    "chosen_name",
    "excess",
    "forget",
    "keep_run",
    "read_file",
]
