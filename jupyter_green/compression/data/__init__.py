"""The person's data: read in any form, cut into batches, split into independent parts."""
