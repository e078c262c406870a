"""Calibration of a counter by a known load: its latency and whether it samples all of the time."""
