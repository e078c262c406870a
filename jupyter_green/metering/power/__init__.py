"""Energy of a window from a sensor that reports power only."""
