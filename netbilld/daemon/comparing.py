"""Orders over routers' APIs, and reading back what became of orders: what of the daemon concerns them."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import Final

from netbilld.accounting.session import Session
from netbilld.accounting.stale import overdue_after_seconds
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.nas.order_ways import OrderWays
from netbilld.adapters.nas.routeros_connections import CutConnections
from netbilld.adapters.nas.routeros_lists import KeepLists
from netbilld.adapters.nas.routeros_look import RouterosLook
from netbilld.adapters.nas.routeros_orders import RouterosOrders
from netbilld.adapters.nas.routeros_rights import RouterosRights
from netbilld.adapters.nas.routeros_sessions import RouterosSessions
from netbilld.daemon.metering import Metering
from netbilld.daemon.metric_families import Family
from netbilld.daemon.settings import Settings
from netbilld.services.compare_routers import CompareRouters
from netbilld.services.nas_control import NasControl
from netbilld.services.order_news import OrderNews
from netbilld.services.reconcile import Reconcile
from netbilld.services.verify_sessions import Database, VerifyPolicy, VerifySessions


class Comparing:
    """Connects the routers' APIs with the orders.

    Attributes:
        ways: carries orders out, each by its door.
        look: reads sessions back.
        cut: ends what addresses have open.
    """

    def __init__(
        self, settings: Settings, clock: SystemClock, routers: RouterosSessions, over_radius: NasControl
    ) -> None:
        """Take the connections to routers, and what carries orders out over RADIUS."""
        enforcement = settings.enforcement
        self._settings = settings
        self._clock = clock
        self._routers = routers
        self.cut: Final = CutConnections()
        lists = (enforcement.walled_list,)
        list_seconds = 60 * max(enforcement.list_minutes, 3 * enforcement.compare_minutes)
        rights = RouterosRights(clock.monotonic)
        over_api = RouterosOrders(routers.connections, rights, self.cut, list_seconds)
        self._lists = KeepLists(routers.connections, lists, list_seconds)
        self.ways: Final = OrderWays(over_radius, over_api)
        self.look: Final = RouterosLook(routers.connections, clock.now, lists)
        self._verify: VerifySessions | None = None
        self._compare: CompareRouters | None = None
        self._load: Callable[[], Awaitable[None]] | None = None

    def connect(
        self, database: Database, reconcile: Reconcile, metering: Metering, load: Callable[[], Awaitable[None]]
    ) -> None:
        """Say where sessions and news of them are, who is told what was seen, and what reads where the APIs are."""
        settings = self._settings
        verify = self._verify = VerifySessions(
            database,
            self.look,
            self._lists,
            reconcile,
            self._clock,
            VerifyPolicy(overdue_after_seconds(settings.radius.interim_interval), settings.enforcement.walled_list),
            lost=lambda ids: reconcile.on_lost(ids) if reconcile.on_lost is not None else None,
        )
        self._compare = CompareRouters(
            database,
            self.look,
            self._lists,
            reconcile,
            verify,
            self._clock,
            settings.enforcement.walled_list,
            settings.enforcement.compare_minutes * 60,
            self._routers.connections.keys,
        )
        self._load = load
        told_orders, told_sessions = reconcile.on_orders, metering.on_sessions

        def orders(news: Sequence[OrderNews]) -> None:
            if told_orders is not None:
                told_orders(news)
            verify.note_orders(news)

        def sessions(changed: Sequence[Session], new: Collection[int]) -> None:
            if told_sessions is not None:
                told_sessions(changed, new)
            verify.note_sessions(changed, new)

        reconcile.on_orders, metering.on_sessions = orders, sessions

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on where orders are sent, by name."""
        verify, compare, load = self._verify, self._compare, self._load
        assert verify is not None and compare is not None and load is not None  # noqa: S101, PT018 - connected

        async def read_back() -> None:
            await load()
            await verify.run()

        return {"reading back": read_back, "comparing": compare.run}

    def families(self) -> Iterator[Family]:
        """Return what /metrics says of it."""
        verify, compare = self._verify, self._compare
        if verify is None or compare is None:
            return
        counter, gauge = "counter", "gauge"
        yield (
            "netbilld_read_back_total",
            counter,
            "What became of reading sessions back at their router.",
            [(f'{{came="{came}"}}', count) for came, count in verify.came.items()],
        )
        for name, help_text in (
            ("agreed", "Sessions that were as they are due, when their router was last compared."),
            ("differed", "Sessions that were not."),
            ("gone", "Open sessions that their router did not have."),
            ("unknown", "Sessions of which their router did not tell."),
            ("hidden", "Sessions of which a queue made by hand takes the traffic."),
            ("seconds", "What that comparison took."),
        ):
            samples = [(f'{{nas="{one}"}}', getattr(told, name)) for one, told in compare.comparisons.items()]
            yield f"netbilld_compare_{name}", gauge, help_text, samples
        yield "netbilld_compare_failed_total", counter, "Comparisons that ended with an error.", [("", compare.failed)]
        entries = (("renewed", self._lists.renewed), ("removed", self._lists.removed))
        for done, count in entries:
            yield (
                f"netbilld_list_entries_{done}_total",
                counter,
                f"Entries for sessions that were {done}.",
                [("", count)],
            )
        yield (
            "netbilld_connections_cut_total",
            counter,
            "Connections of walled addresses ended.",
            [("", self.cut.cut_off)],
        )
        yield (
            "netbilld_connections_left_total",
            counter,
            "Times that they could not be ended.",
            [("", self.cut.left)],
        )
