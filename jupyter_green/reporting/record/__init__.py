"""One energy record as a sentence, a list of details, HTML, a chart of power, or a MIME bundle."""
