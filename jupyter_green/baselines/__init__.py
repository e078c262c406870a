"""What a run is compared with: stored baselines, the comparison cell by cell, and the energy above it (excess)."""
