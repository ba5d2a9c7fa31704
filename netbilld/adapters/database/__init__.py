"""SQLite (embedded) and PostgreSQL behind one schema."""
