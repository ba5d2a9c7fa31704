"""Benchmarks: figures with the commit beside them; they assert nothing."""
