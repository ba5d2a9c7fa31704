"""Lines with fixed addresses in the running daemon: who keeps them on routers, and how that goes."""

import secrets
from collections.abc import Iterator, Sequence
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.nas.routeros_connections import CutConnections
from netbilld.adapters.nas.routeros_static import RouterosStatic
from netbilld.daemon.leadership import Leadership
from netbilld.daemon.policies import line_terms
from netbilld.daemon.roles import Duty
from netbilld.daemon.settings import Settings
from netbilld.daemon.watching import Watching
from netbilld.enforcement.backoff import RetryPolicy
from netbilld.services.bring_lines import BringLines, LinePolicy
from netbilld.services.compare_lines import CompareLines
from netbilld.services.keep_static_lines import KeepStaticLines
from netbilld.services.meter_readings import MeterReadings

Family = tuple[str, str, str, Sequence[tuple[str, float]]]


class StaticLines:
    """Everything of the daemon that concerns them."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: SystemClock,
        watching: Watching,
        cut: CutConnections,
        readings: MeterReadings,
        leadership: Leadership,
    ) -> None:
        """Compose it; no router is asked before its loop runs. Routers are asked over the connections of `watching`."""
        enforcement = settings.enforcement
        self._watching = watching
        policy = LinePolicy(
            enforcement.static_seconds,
            enforcement.static_per_second,
            RetryPolicy(enforcement.retry_seconds, enforcement.retry_max_seconds),
        )
        routers = RouterosStatic(lambda: watching.routers.connections, clock.now, cut)
        fenced = leadership.fenced(Duty.ENFORCEMENT)
        compare = CompareLines(database, routers, line_terms(settings))
        bring = BringLines(database, compare, routers, readings, clock, policy, _jitter, orders=fenced)
        self.keep: Final = KeepStaticLines(database, bring, clock, policy, _jitter, orders=fenced)

    async def run(self) -> None:
        """Keep lines for ever; one node does it.

        Raises:
            StoreUnavailableError: the database is away.
        """
        await self._watching.load()  # also where no log-ins are answered: nobody else there has asked where routers are
        await self.keep.run()

    def families(self) -> Iterator[Family]:
        """Return what /metrics says of it."""
        routers = sorted(self.keep.routers(), key=lambda one: one.name)
        yield (
            "netbilld_static_lines",
            "gauge",
            "Lines with fixed addresses that are kept on a router.",
            [(f'{{nas="{_quoted(one.name)}"}}', one.lines) for one in routers],
        )
        yield (
            "netbilld_static_lines_differing",
            "gauge",
            "Those of them that are not as they are due.",
            [(f'{{nas="{_quoted(one.name)}"}}', one.differ) for one in routers],
        )
        yield (
            "netbilld_static_router_up",
            "gauge",
            "1 where a router's lines were read when that was last tried.",
            [(f'{{nas="{_quoted(one.name)}"}}', int(one.trouble is None)) for one in routers],
        )


def _jitter() -> float:
    return secrets.randbelow(1000) / 1000


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')
