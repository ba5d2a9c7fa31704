"""The subscriber's own pages, and what captive devices ask for."""
