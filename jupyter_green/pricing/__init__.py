"""What energy costs: price, shadow tax on the excess, credit for a saving, rebound. Pure functions."""
