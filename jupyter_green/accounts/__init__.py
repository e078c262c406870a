"""Floor 4: what joules are held against. Functions and plain objects over the ledger's records."""
