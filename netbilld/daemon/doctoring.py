"""Examining NAS: what it takes to be put together, in the running daemon and for the command line."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.nas.order_probe import SendProbe
from netbilld.adapters.nas.own_address import own_address
from netbilld.adapters.nas.routeros_config import RouterosConfig
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.late_reader import LateReader
from netbilld.daemon.settings import Settings
from netbilld.daemon.watching import Watching
from netbilld.daemon.workers.drops import DropsOfAll
from netbilld.services.doctor_nas import AskDaemon, DoctorNas, DoctorPolicy, RouterReader
from netbilld.services.doctor_runs import DoctorRuns


def doctor_of(
    settings: Settings,
    database: Database,
    box: SecretBox,
    clock: SystemClock,
    entropy: Callable[[int], bytes],
    ask_daemon: AskDaemon,
    routers: RouterReader,
    snmp: LateReader,
) -> DoctorNas:
    """Return what examines a NAS by these settings."""
    radius, enforcement = settings.radius, settings.enforcement
    return DoctorNas(
        database,
        box,
        ask_daemon,
        routers,
        SendProbe(
            radius.host,
            timeout_seconds=enforcement.coa_timeout_seconds,
            entropy=entropy,
            monotonic=clock.monotonic,
            now=clock.now,
        ),
        snmp,
        DoctorPolicy(
            own_address=lambda host: own_address(host, radius.host),
            auth_port=radius.auth_port,
            acct_port=radius.acct_port,
            interim_seconds=radius.interim_interval,
            walled_pool=enforcement.walled_pool,
            walled_list=enforcement.walled_list,
        ),
    )


class Doctoring:
    """Everything of the daemon that concerns examinations of NAS."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        box: SecretBox,
        clock: SystemClock,
        entropy: Callable[[int], bytes],
        drops: DropsOfAll,
        watching: Watching,
        hearing_since: Callable[[], datetime],
    ) -> None:
        """Compose it; routers are asked over the connections that the daemon has in any case."""
        self._drops = drops
        self._watching = watching
        self._hearing_since = hearing_since
        self._snmp: Final = LateReader(settings.snmp.timeout_seconds, clock)
        routers = RouterosConfig(lambda nas: watching.routers.connections.get(nas.id), clock.now)
        doctor = doctor_of(settings, database, box, clock, entropy, self._ask, routers, self._snmp)
        self.runs: Final = DoctorRuns(doctor, clock.now)

    async def _ask(self, nas: str) -> Mapping[str, Any]:
        return {"hearing_since": self._hearing_since().isoformat(), **await self._drops.read((), nas)}

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever, by name."""

        async def examine() -> None:
            if not self._watching.routers.connections:  # a node that answers no RADIUS watches none
                await self._watching.load()
            await self.runs.loop()

        return {"NAS doctor": examine}

    def close(self) -> None:
        """Let go of every socket."""
        self._snmp.close()
