"""Cost of a model: paired measurements and the ratio of two costs."""
