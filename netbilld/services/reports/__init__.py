"""Reports: what each shows, where its rows come from, and how they are written."""
