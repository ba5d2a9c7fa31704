"""The rows of reports, one consistent state each, streamed; and what the ledger says of their sums."""
