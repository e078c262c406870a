"""Comparing models on the person's own task: how well each does, what each costs, which to take."""
