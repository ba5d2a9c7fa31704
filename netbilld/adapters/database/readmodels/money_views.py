"""Read-only queries for the panel's pages of money."""

from netbilld.adapters.database.readmodels.arrears import ArrearsQueries


class MoneyViewStore(ArrearsQueries):
    """All of them, on one connection."""
