"""Energy of a window from a counter that is updated every 20 to 100 ms: updates, period and phase, window edges."""
