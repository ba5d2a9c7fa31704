"""DoctorNas: gathers what is known of one NAS, asks it what can be asked, and has it judged."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_network
from typing import Any, Protocol
from uuid import UUID

from netbilld.enforcement.doctor import examine
from netbilld.enforcement.doctor.checks import Finding, Result
from netbilld.enforcement.doctor.facts import (
    Answer,
    Facts,
    LogIns,
    Obstacle,
    OrderProbe,
    RouterFacts,
    SessionSample,
    SnmpProbe,
)
from netbilld.enforcement.explain_facts import NasFact
from netbilld.enforcement.order_form import OrderForm, switch
from netbilld.enforcement.vendors import vendor_or_any
from netbilld.enforcement.vendors.interface import Wall
from netbilld.model.address_pool import AddressPool
from netbilld.model.errors import NetbilldError
from netbilld.model.nas import Nas, secret_place, shares_order_port
from netbilld.model.snmp import SnmpAccess
from netbilld.ports.snmp import DeviceReport, Wanted
from netbilld.services.explain import drops_of
from netbilld.services.manage_nas import unknown_nas
from netbilld.services.nas_control import NasTarget
from netbilld.services.poll_devices import access_of, is_polled


class Step(StrEnum):
    """What an examination does, each for itself."""

    RECORDS = "records"
    PACKETS = "packets"
    API = "api"
    ORDERS = "orders"
    SNMP = "snmp"


class NasTable(Protocol):
    async def by_name(self, name: str) -> Nas | None: ...

    async def all(self) -> list[Nas]: ...


class Health(Protocol):
    async def sessions(self, nas_id: UUID) -> list[SessionSample]: ...

    async def open_sessions(self, nas_id: UUID) -> int: ...

    async def source(self, nas_id: UUID) -> str | None: ...

    async def plan_pools(self) -> frozenset[str]: ...


class LogInCounts(Protocol):
    async def nas(self, name: str | None, now: datetime) -> NasFact | None: ...


class Pools(Protocol):
    async def pools(self) -> list[AddressPool]: ...


class Work(Protocol):
    @property
    def nas(self) -> NasTable: ...
    @property
    def nas_health(self) -> Health: ...
    @property
    def explain(self) -> LogInCounts: ...
    @property
    def addresses(self) -> Pools: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class Opener(Protocol):
    def open(self, sealed: bytes, place: str) -> bytes: ...


class RouterReader(Protocol):
    """Reads how a router is set."""

    async def read(self, nas: Nas, secret: bytes) -> RouterFacts | None: ...

    async def bad_requests(self, nas: Nas) -> int | None: ...


class OrderSender(Protocol):
    """Sends an order about a session that nobody has."""

    async def probe(self, nas: NasTarget) -> OrderProbe | None: ...


class SnmpAsker(Protocol):
    async def read(self, access: SnmpAccess, wanted: Wanted) -> DeviceReport: ...


@dataclass(frozen=True, slots=True)
class DoctorPolicy:
    """What the settings say that a NAS is held against; `own_address` gives our address as a host sees it."""

    own_address: Callable[[str], str | None]
    auth_port: int
    acct_port: int
    interim_seconds: int
    walled_pool: str
    walled_list: str


@dataclass(frozen=True, slots=True)
class Examination:
    """The findings about one NAS, in their order."""

    nas: str
    at: datetime
    findings: tuple[Finding, ...]

    @property
    def is_ok(self) -> bool:
        """Tell whether no check has found a fault; what can't be known is none."""
        return all(finding.result is not Result.FAIL for finding in self.findings)

    def count(self, result: Result | str) -> int:
        """Return how many checks came out so."""
        return sum(finding.result == result for finding in self.findings)


# What a running daemon tells of packets that got silence, and from when on it has heard; None where none runs.
AskDaemon = Callable[[str], Awaitable[Mapping[str, Any] | None]]
Tell = Callable[[Step], None]


class DoctorNas:
    """Examines one NAS at a time, or several beside each other."""

    def __init__(
        self,
        database: Store,
        box: Opener,
        ask_daemon: AskDaemon,
        routers: RouterReader,
        orders: OrderSender,
        snmp: SnmpAsker,
        policy: DoctorPolicy,
    ) -> None:
        """Take what it asks, and what it judges by."""
        self._database = database
        self._box = box
        self._ask_daemon = ask_daemon
        self._routers = routers
        self._orders = orders
        self._snmp = snmp
        self._policy = policy

    async def run(self, name: str, now: datetime, tell: Tell = lambda _: None) -> Examination:
        """Return the findings about a NAS; `tell` hears of each step that is done.

        Raises:
            NotFoundError: there is no such NAS.
            NetbilldError: its secret does not open.
            StoreUnavailableError: the database is away.
        """
        async with self._database.read() as work:
            nas = await work.nas.by_name(name)
            if nas is None:
                raise unknown_nas(name)
            facts, source = await self._records(work, nas, now)
            is_shared = shares_order_port(nas, [other for other in await work.nas.all() if other.id != nas.id])
        tell(Step.RECORDS)
        secret = self._box.open(nas.secret_sealed, secret_place(nas.id))
        async with asyncio.TaskGroup() as tasks:
            told = tasks.create_task(self._after(self._ask_daemon(nas.name), Step.PACKETS, tell))
            asked = tasks.create_task(self._ask(nas, source, secret, tell, is_shared=is_shared))
            answered = tasks.create_task(self._after(self._ask_snmp(nas), Step.SNMP, tell))
        drops = told.result()
        router, probe = asked.result()
        facts = replace(
            facts,
            daemon_runs=drops is not None,
            drops=None if drops is None else drops_of(drops.get("sources")),
            hearing_since=_instant(drops.get("hearing_since")) if drops is not None else None,
            router=router,
            probe=probe,
            snmp=answered.result(),
        )
        return Examination(nas.name, now, examine(facts))

    async def _records(self, work: Work, nas: Nas, now: datetime) -> tuple[Facts, str | None]:
        """Return what the store knows, and the address that the NAS is reached at, None for none."""
        counted = await work.explain.nas(nas.name, now)
        network = ip_network(nas.address)
        source = str(network.network_address) if network.num_addresses == 1 else await work.nas_health.source(nas.id)
        source = source or nas.reported_ip
        ours = {pool.name_key for pool in await work.addresses.pools()}
        named = await work.nas_health.plan_pools()
        known = vendor_or_any(nas.vendor)
        wall = Wall(nas.wall_by) if nas.wall_by is not None else known.wall
        policy = self._policy
        facts = Facts(
            nas=nas.name,
            vendor=nas.vendor,
            network=nas.address,
            now=now,
            coa_port=nas.coa_port,
            interim_seconds=policy.interim_seconds,
            own_address=policy.own_address(source) if source is not None else None,
            auth_port=policy.auth_port,
            acct_port=policy.acct_port,
            identifier=nas.identifier,
            reported_ip=nas.reported_ip,
            told_by=nas.told_by,
            last_heard_at=nas.last_heard_at,
            signed_since_at=nas.seen_message_authenticator_at,
            clock_off_seconds=nas.clock_off_seconds,
            swap_octets=nas.swap_octets,
            wall=wall,
            walled_pool=policy.walled_pool,
            walled_list=policy.walled_list if wall in {Wall.LIST, Wall.POOL_AND_LIST} else None,
            needs_pools=frozenset(pool for pool in named if pool.casefold() not in ours),
            has_portal_sources=bool(nas.portal_sources),
            log_ins=LogIns()
            if counted is None
            else LogIns(counted.accepted, counted.refused_names, counted.last_attempt_at),
            sessions=tuple(await work.nas_health.sessions(nas.id)),
            open_sessions=await work.nas_health.open_sessions(nas.id),
            api_is_set=nas.api_url_sealed is not None,
        )
        return facts, source

    async def _ask(
        self, nas: Nas, source: str | None, secret: bytes, tell: Tell, *, is_shared: bool
    ) -> tuple[RouterFacts | None, OrderProbe | None]:
        """Return what the router shows and what came of an order; its counter of bad ones is read on either side."""
        router = await self._routers.read(nas, secret)
        asks = router is not None and router.trouble is None
        before = await self._routers.bad_requests(nas) if asks else None
        tell(Step.API)
        probe = await self._probe(nas, source, secret, is_shared=is_shared)
        after = await self._routers.bad_requests(nas) if before is not None else None
        tell(Step.ORDERS)
        if router is not None and before is not None and after is not None:
            router = replace(router, bad_requests=(before, after))
        return router, probe

    async def _probe(self, nas: Nas, source: str | None, secret: bytes, *, is_shared: bool) -> OrderProbe | None:
        if nas.radsec_name is not None:
            return OrderProbe(Answer.NOT_SENT, obstacle=Obstacle.RADSEC)
        if source is None:
            return OrderProbe(Answer.NOT_SENT, obstacle=Obstacle.NO_ADDRESS)
        if is_shared:
            return OrderProbe(Answer.NOT_SENT, obstacle=Obstacle.SHARED_PORT)
        form = OrderForm(switch(nas.coa_event_timestamp), switch(nas.coa_message_authenticator), nas.clock_off_seconds)
        return await self._orders.probe(NasTarget(nas.id, nas.name, source, nas.coa_port, nas.vendor, secret, form))

    async def _ask_snmp(self, nas: Nas) -> SnmpProbe | None:
        if not is_polled(nas):
            return None
        try:
            await self._snmp.read(access_of(nas, self._box), Wanted())
        except NetbilldError as error:
            return SnmpProbe(str(error))
        return SnmpProbe()

    @staticmethod
    async def _after(work: Awaitable[Any], step: Step, tell: Tell) -> Any:
        found = await work
        tell(step)
        return found


def _instant(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
