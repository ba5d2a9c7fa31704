"""Lines with fixed addresses: added and removed; what is to stand on routers follows from that by itself."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.reading import Meter
from netbilld.billing.plan import Plan
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.enforcement.static_lines import cannot_hold
from netbilld.enforcement.vendors.mikrotik import VENDOR as ROUTEROS
from netbilld.model.actor import Actor
from netbilld.model.address_pool import AddressPool, Network
from netbilld.model.api_address import parse_api_address
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.nas import Nas, api_url_place
from netbilld.model.subscriber import FoundService, unknown_username
from netbilld.ports.changes import Changes
from netbilld.services.fixed_addresses import FixedAddress, FixedAddresses
from netbilld.services.manage_meters import RADIUS_AGO
from netbilld.services.manage_nas import unknown_nas
from netbilld.services.static_book import LineRecord, line_key

MOST_TARGETS: Final = 8
_WIDEST: Final = {4: 16, 6: 32}  # a line is a subscriber's, and no network's


class Lines(Protocol):
    async def add(self, service_id: UUID, nas_id: UUID, targets: Sequence[str], now: datetime) -> LineRecord: ...
    async def remove(self, line_id: int, at: datetime) -> None: ...
    async def of_service(self, service_id: UUID) -> LineRecord | None: ...
    async def leaving(self, service_id: UUID, nas_id: UUID) -> Sequence[int]: ...
    async def clear(self, line_ids: Collection[int], at: datetime) -> None: ...


class Addresses(Protocol):
    async def lock(self) -> None: ...
    async def pools(self) -> list[AddressPool]: ...
    async def fixed(self, *, ipv6_only: bool = False) -> list[FixedAddress]: ...


class Meters(Protocol):
    async def add(self, added: Meter) -> Meter: ...
    async def in_use(
        self, *, source: str | None = None, nas_id: UUID | None = None, service_id: UUID | None = None
    ) -> Sequence[Meter]: ...


class Nases(Protocol):
    async def by_name(self, name: str) -> Nas | None: ...


class Subscribers(Protocol):
    async def by_credential_name(self, name: str) -> FoundService | None: ...


class Services(Protocol):
    async def open_sessions(self, service_id: UUID) -> int: ...
    async def told_of_since(self, service_id: UUID, since: datetime) -> bool: ...
    async def plan_of(self, service_id: UUID) -> Plan: ...


class Work(Protocol):
    @property
    def static_lines(self) -> Lines: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def meters(self) -> Meters: ...
    @property
    def nas(self) -> Nases: ...
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def services(self) -> Services: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Opener(Protocol):
    def open(self, sealed: bytes, place: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class LineAdded:
    """A new line; `metered_by` is the number of another meter of the service, beside which its queue counts nothing."""

    line: LineRecord
    nas: Nas
    metered_by: int | None


class ManageStaticLines:
    """The use cases of lines; each is one transaction with its line in the audit trail."""

    def __init__(self, store: Store, box: Opener) -> None:
        """Take what to work with; `box` opens the address of a NAS's API."""
        self._store = store
        self._box = box

    async def add(
        self,
        username: str,
        nas_name: str,
        addresses: Sequence[str],
        actor: Actor,
        now: datetime,
        *,
        force: bool = False,
    ) -> LineAdded:
        """Have a service held by a queue of a router, and metered by what that counts.

        Raises:
            InvalidInputError: an address is none, or no subscriber's.
            NotFoundError: no such service or NAS.
            RefusedError: the NAS has no API of RouterOS's; the service has ended or has a line; an address is of a
                pool or somebody else's; a queue can't hold its plan; RADIUS meters its sessions, and both would be
                billed: `force` says that they are not the same traffic.
        """
        targets = parse_targets(addresses)
        async with self._store.write() as work:
            found = await work.subscribers.by_credential_name(username)
            if found is None:
                raise unknown_username(username)
            nas = await work.nas.by_name(nas_name)
            if nas is None:
                raise unknown_nas(nas_name)
            self._refuse_nas(nas)
            service_id = found.service.id
            await self._refuse_service(work, found, now, force=force)
            await work.addresses.lock()
            fixed = [one for one in await work.addresses.fixed() if one.service_id != service_id]
            FixedAddresses(await work.addresses.pools(), fixed).refuse(targets)
            await work.static_lines.clear(await work.static_lines.leaving(service_id, nas.id), now)
            line = await work.static_lines.add(service_id, nas.id, targets, now)
            others = await work.meters.in_use(service_id=service_id)
            if not others:
                await work.meters.add(_meter(line, now))
            details = {
                "username": found.credential.name,
                "nas": nas.name,
                "targets": list(targets),
                "service_ids": [str(service_id)],
            }
            await work.changes.record(actor, now, "static.add", "static_line", line.id, details)
        return LineAdded(line, nas, others[0].id if others else None)

    async def remove(self, username: str, actor: Actor, now: datetime) -> LineRecord:
        """Have a service's line go from its router; what it has metered stays.

        Raises:
            NotFoundError: no such service, or it has no line.
        """
        async with self._store.write() as work:
            found = await work.subscribers.by_credential_name(username)
            if found is None:
                raise unknown_username(username)
            line = await work.static_lines.of_service(found.service.id)
            if line is None:
                raise NotFoundError(f"{username} has no line", hint="`netbilld static list` shows who has")
            await work.static_lines.remove(line.id, now)
            details = {
                "username": found.credential.name,
                "targets": list(line.targets),
                "service_ids": [str(line.service_id)],
            }
            await work.changes.record(actor, now, "static.remove", "static_line", line.id, details)
        return line

    def _refuse_nas(self, nas: Nas) -> None:
        hint = f"`netbilld nas set {nas.name} --api-url api-ssl://USER:PASSWORD@HOST` says where it is"
        if nas.vendor != ROUTEROS.name:
            raise RefusedError(
                f"NAS {nas.name} is of vendor {nas.vendor}: only queues of RouterOS are kept", code="no_queues"
            )
        if nas.api_url_sealed is None:
            raise RefusedError(f"the API of NAS {nas.name} is not known", hint=hint, code="no_api")
        if parse_api_address(self._box.open(nas.api_url_sealed, api_url_place(nas.id)).decode()) is None:
            raise RefusedError(f"the API of NAS {nas.name} is none of RouterOS's own", hint=hint, code="no_api")

    async def _refuse_service(self, work: Work, found: FoundService, now: datetime, *, force: bool) -> None:
        service, username = found.service, found.credential.name
        if service.ended_at is not None:
            raise RefusedError(f"the service of {username} has ended", code="ended")
        if await work.static_lines.of_service(service.id) is not None:
            raise RefusedError(
                f"{username} has a line already", hint=f"`netbilld static remove {username}` first", code="line_taken"
            )
        plan = await work.services.plan_of(service.id)
        speeds = [plan.speed, plan.allowance.throttled if plan.allowance is not None else None]
        for speed in speeds:
            if (why := cannot_hold(ServiceProfile(Access.ACTIVE, speed), None)) is not None:
                raise RefusedError(f"plan {plan.code} can't be held by a queue: {why}", code="no_such_queue")
        if not force:
            await _refuse_metered_twice(work, found, now)


def parse_targets(addresses: Sequence[str]) -> tuple[str, ...]:
    """Return addresses and prefixes of a line in CIDR form.

    Raises:
        InvalidInputError: one is none, is no subscriber's, or is part of another.
    """
    networks: list[Network] = []
    for text in addresses:
        shown = text.strip()[:60]
        try:
            network = ip_network(text.strip())
        except ValueError as error:
            raise InvalidInputError(
                f"{shown!r} is no address: {error}", hint="write 10.0.0.5, 10.0.0.0/29 or 2001:db8:5::/56"
            ) from None
        address = network.network_address
        if network.is_multicast or network.is_loopback or network.is_link_local or address.is_unspecified:
            raise InvalidInputError(f"{shown} can't be a subscriber's")
        if network.prefixlen < _WIDEST[network.version]:
            raise InvalidInputError(f"{shown} is no subscriber's line but a network", hint="write a longer prefix")
        if getattr(address, "scope_id", None) is not None:
            raise InvalidInputError(f"{shown} names an interface", hint="write it without %…")
        for other in networks:
            if other.version == network.version and other.overlaps(network):
                raise InvalidInputError(f"{network} overlaps {other} of the same line")
        networks.append(network)
    if not networks:
        raise InvalidInputError("a line has at least one address", hint="--address 10.0.0.5")
    if len(networks) > MOST_TARGETS:
        raise InvalidInputError(f"a line has at most {MOST_TARGETS} addresses and prefixes")
    return tuple(map(str, networks))


async def _refuse_metered_twice(work: Work, found: FoundService, now: datetime) -> None:
    service_id: UUID = found.service.id
    if await work.services.open_sessions(service_id):
        said = "has open sessions that RADIUS meters"
    elif await work.services.told_of_since(service_id, now - RADIUS_AGO):
        said = f"had sessions that RADIUS metered within the last {RADIUS_AGO // timedelta(days=1)} days"
    else:
        return
    raise RefusedError(
        f"{found.credential.name} {said}: both would be billed",
        hint="use --force where that is other traffic",
        code="metered_twice",
    )


def _meter(line: LineRecord, now: datetime) -> Meter:
    return Meter(
        id=0,
        service_id=line.service_id,
        nas_id=line.nas_id,
        source="api",
        key=line_key(line.nas_id, line.service_id),
        is_allowed=True,
        is_swapped=False,
        created_at=now,
    )
