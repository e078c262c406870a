"""The user's data: read in any supported form, cut into batches, and split into independent parts."""
