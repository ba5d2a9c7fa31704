"""Documents on paper: PDF of invoices, receipts and tables, and files for the tax office."""
