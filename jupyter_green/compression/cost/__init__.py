"""What a model costs: paired measurements and the ratio of two costs."""
