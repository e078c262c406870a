"""Exit codes of ``jupyter green``."""

OK, FAILED, USAGE, OVER_BUDGET, EXCESS = range(5)
INTERRUPTED = 130
