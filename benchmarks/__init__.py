"""Benchmarks of jupyter_green and other tools. Figures only; nothing passes or fails."""
