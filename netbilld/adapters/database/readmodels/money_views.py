"""Read-only queries for the panel's pages of money."""

from netbilld.adapters.database.readmodels.versions import VersionQueries


class MoneyViewStore(VersionQueries):
    """All of them, on one connection."""
