"""Quality of a model: metrics, the loss against the original, comparison with constant answers, and reproducibility."""
