"""Results of a search as a report: text, HTML, plots."""
