"""Read-only queries for the panel's pages: each bounded and on an index, none over raw accounting records."""

from netbilld.adapters.database.log_in_search import LogInSearch
from netbilld.adapters.database.readmodels.devices import DeviceQueries
from netbilld.adapters.database.readmodels.doubts import DoubtQueries
from netbilld.adapters.database.readmodels.enforcement import EnforcementQueries
from netbilld.adapters.database.readmodels.money import MoneyQueries
from netbilld.adapters.database.readmodels.network import NetworkQueries
from netbilld.adapters.database.readmodels.orders import OrderViewQueries
from netbilld.adapters.database.readmodels.plans import PlanQueries
from netbilld.adapters.database.readmodels.pools import PoolQueries
from netbilld.adapters.database.readmodels.sessions import SessionQueries
from netbilld.adapters.database.readmodels.subscribers import SubscriberQueries
from netbilld.adapters.database.readmodels.throughput import ThroughputQueries
from netbilld.adapters.database.readmodels.traffic import TrafficQueries


class ReadModelStore(
    TrafficQueries,
    ThroughputQueries,
    SubscriberQueries,
    SessionQueries,
    DoubtQueries,
    EnforcementQueries,
    NetworkQueries,
    OrderViewQueries,
    DeviceQueries,
    PlanQueries,
    PoolQueries,
    MoneyQueries,
    LogInSearch,
):
    """All of them, on one connection."""
