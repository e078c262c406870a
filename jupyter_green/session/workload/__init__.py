"""What a window's work consisted of: batches, examples, tokens, phases, training or inference."""
