"""How well a model does: metrics, the loss against the original, skill, variation."""
