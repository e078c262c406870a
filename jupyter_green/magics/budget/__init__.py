"""``%budget`` and the guard that holds cells to budgets."""
