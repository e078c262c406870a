"""From end to end: what a newcomer does, from the driver below to the page they open."""
