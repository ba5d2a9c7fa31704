"""Read-only queries for the panel's pages of money."""

from netbilld.adapters.database.readmodels.sent import SentQueries


class MoneyViewStore(SentQueries):
    """All of them, on one connection."""
