"""Compression recipes: quantization, pruning, layer removal and runtimes. `registry` lists them."""
