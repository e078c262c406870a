"""What metering costs, ours and others', side by side. Figures to read; no test is decided here."""
