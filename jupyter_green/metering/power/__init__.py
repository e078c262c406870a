"""Energy of a window from a sensor that shows power only."""
