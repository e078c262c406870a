"""What a cell's work consisted of: batches, examples, tokens, phases, training or inference."""
