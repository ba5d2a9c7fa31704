"""The command line: one file for each verb; prints, and decides nothing."""
