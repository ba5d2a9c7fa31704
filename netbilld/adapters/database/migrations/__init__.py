"""Alembic's scripts: forward only."""
