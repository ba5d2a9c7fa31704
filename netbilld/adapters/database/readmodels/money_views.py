"""Read-only queries for the panel's pages of money."""

from netbilld.adapters.database.readmodels.paid import PaidQueries


class MoneyViewStore(PaidQueries):
    """All of them, on one connection."""
