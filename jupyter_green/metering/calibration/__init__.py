"""What a known load tells of a counter: its latency and whether it samples all of the time."""
