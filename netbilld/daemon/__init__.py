"""Composition root: settings, signals, schedule, logs."""
