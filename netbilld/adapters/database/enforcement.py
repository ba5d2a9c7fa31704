"""EnforcementStore: what is due, what was ordered, what was seen."""

from netbilld.adapters.database.enforcement_compare import CompareQueries
from netbilld.adapters.database.enforcement_due import DueQueries
from netbilld.adapters.database.enforcement_orders import OrderQueries
from netbilld.adapters.database.enforcement_status import StatusQueries


class EnforcementStore(DueQueries, OrderQueries, StatusQueries, CompareQueries):
    """Queries of one transaction."""
