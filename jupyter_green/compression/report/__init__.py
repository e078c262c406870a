"""The report of a result: text, HTML, plots and a slider."""
