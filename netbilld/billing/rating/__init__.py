"""Rating: from metered usage, the plans of a period and the calendar to what it costs; rules 12 to 17 of billing.md."""
