"""Many energy records: tables, totals and the statement of a run."""
