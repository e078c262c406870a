"""``%budget``, and enforcement of budgets on cells."""
