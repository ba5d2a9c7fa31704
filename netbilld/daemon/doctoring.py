"""Examining NAS: what it takes to be put together, in the running daemon and for the command line."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.nas.order_probe import SendProbe
from netbilld.adapters.nas.own_address import own_address
from netbilld.adapters.nas.routeros import RouterosConnection
from netbilld.adapters.nas.routeros_config import RouterosConfig
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.late_reader import LateReader
from netbilld.daemon.settings import Settings
from netbilld.daemon.watching import Watching
from netbilld.model.api_address import parse_api_address
from netbilld.model.errors import NetbilldError
from netbilld.model.nas import Nas, api_url_place
from netbilld.services.doctor_nas import AskDaemon, DoctorNas, DoctorPolicy, Examination, RouterReader, Tell
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


class DoctorForOnce:
    """Examines a NAS over connections of its own, which are closed again; a `Doctor`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        box: SecretBox,
        clock: SystemClock,
        entropy: Callable[[int], bytes],
        ask_daemon: AskDaemon,
    ) -> None:
        self._settings = settings
        self._database = database
        self._box = box
        self._clock = clock
        self._entropy = entropy
        self._ask_daemon = ask_daemon

    async def run(self, name: str, now: datetime, tell: Tell = lambda _: None) -> Examination:
        """Return what is found; see `DoctorNas.run`."""
        snmp = LateReader(self._settings.snmp.timeout_seconds, self._clock)
        opened: dict[Nas, RouterosConnection | None] = {}

        def connection_of(nas: Nas) -> RouterosConnection | None:
            if nas not in opened:
                opened[nas] = self._connection(nas)
            return opened[nas]

        routers = RouterosConfig(connection_of, self._clock.now)
        doctor = doctor_of(
            self._settings, self._database, self._box, self._clock, self._entropy, self._ask_daemon, routers, snmp
        )
        try:
            return await doctor.run(name, now, tell)
        finally:
            snmp.close()
            for connection in opened.values():
                if connection is not None:
                    connection.close()

    def _connection(self, nas: Nas) -> RouterosConnection | None:
        if nas.api_url_sealed is None:
            return None
        try:
            address = parse_api_address(self._box.open(nas.api_url_sealed, api_url_place(nas.id)).decode())
        except NetbilldError:
            return None
        if address is None:
            return None
        return RouterosConnection(
            address,
            timeout_seconds=self._settings.metering.api_timeout_seconds,
            monotonic=self._clock.monotonic,
            jitter=lambda: secrets.randbelow(1000) / 1000,
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
        ask: AskDaemon,
        watching: Watching,
    ) -> None:
        """Compose it; routers are asked over the connections that the daemon has in any case."""
        self._watching = watching
        self._snmp: Final = LateReader(settings.snmp.timeout_seconds, clock)
        routers = RouterosConfig(lambda nas: watching.routers.connections.get(nas.id), clock.now)
        doctor = doctor_of(settings, database, box, clock, entropy, ask, routers, self._snmp)
        self.runs: Final = DoctorRuns(doctor, clock.now)

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
