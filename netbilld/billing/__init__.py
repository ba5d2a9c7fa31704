"""Money, without I/O: plans, rating, ledger, invoices, allocation, standing."""
