"""Meters beside the sessions: which service is metered by what; and what is decided of octets in doubt."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.reading import Meter, MeterDoubt
from netbilld.accounting.series import KINDS, Series
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.nas import Nas
from netbilld.model.subscriber import FoundService, unknown_username
from netbilld.ports.changes import Changes
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.book_usage import Work as BookWork
from netbilld.services.charge_wallets import PLAIN, WalletRules
from netbilld.services.manage_nas import unknown_nas
from netbilld.services.subscriber_fields import clean_text

LONGEST_NAME: Final = 200
RADIUS_AGO: Final = timedelta(days=62)  # two billing months: what was metered by RADIUS then may be so again


class Meters(Protocol):
    async def add(self, added: Meter) -> Meter: ...
    async def remove(self, meter_id: int, at: datetime) -> None: ...
    async def by_id(self, meter_id: int) -> Meter | None: ...
    async def in_use(
        self, *, source: str | None = None, nas_id: UUID | None = None, service_id: UUID | None = None
    ) -> Sequence[Meter]: ...
    async def decide(self, doubt_id: int, state: str, by: str, at: datetime) -> MeterDoubt | None: ...


class Nases(Protocol):
    async def by_name(self, name: str) -> Nas | None: ...


class Subscribers(Protocol):
    async def by_credential_name(self, name: str) -> FoundService | None: ...


class Services(Protocol):
    async def open_sessions(self, service_id: UUID) -> int: ...
    async def told_of_since(self, service_id: UUID, since: datetime) -> bool: ...


class Work(BookWork, Protocol):
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


class ManageMeters:
    """The use cases of meters; each is one transaction with its line in the audit trail."""

    def __init__(self, store: Store, timezone: str, *, wallets: WalletRules = PLAIN) -> None:
        """Take what to work with; `timezone` is for booking dates, `wallets` for how they pay."""
        self._store = store
        self._book = BookUsage(timezone, wallets=wallets)

    async def add_port(
        self,
        username: str,
        nas_name: str,
        kind: str,
        name: str,
        actor: Actor,
        now: datetime,
        *,
        swapped: bool = False,
        force: bool = False,
    ) -> Meter:
        """Meter a service by an interface (by name or comment) or a simple queue of a device, over SNMP.

        Raises:
            InvalidInputError: the kind or the name is none.
            NotFoundError: no such service or NAS.
            RefusedError: that port is metered already; or the service's sessions are metered by RADIUS, or were of
                late, and both would be billed: `force` says that they are not the same traffic.
        """
        if kind not in KINDS:
            raise InvalidInputError(f"{kind!r} is no kind of port; allowed: {', '.join(KINDS)}")
        port = clean_text(kind, name, LONGEST_NAME)
        if not port:
            raise InvalidInputError(f"the {kind} has no name")
        async with self._store.write() as work:
            nas = await work.nas.by_name(nas_name)
            if nas is None:
                raise unknown_nas(nas_name)
            found = await _service(work, username)
            if not force:
                await _refuse_metered_twice(work, found, now)
            series = Series(nas.id, kind, port)
            return await _add(work, found, "snmp", series.key, nas.id, actor, now, swapped=swapped)

    async def allow(
        self,
        username: str,
        source: str,
        actor: Actor,
        now: datetime,
        *,
        key: str | None = None,
        force: bool = False,
    ) -> Meter:
        """Let a service be metered by readings handed in over MQTT or the API under a key; default the service's id.

        Raises:
            InvalidInputError: the key can't be one.
            RefusedError: that key is taken.
            NotFoundError: no such service.
            RefusedError: it is allowed already; or RADIUS meters its sessions, as with `add_port`.
        """
        if source not in {"mqtt", "api"}:
            raise InvalidInputError(f"{source!r} hands in no readings; allowed: mqtt, api")
        named = clean_text("key", key or "", LONGEST_NAME)
        if any(sign in named for sign in "/+#"):
            raise InvalidInputError(f"key {named!r} holds a sign that topics don't: / + #")
        async with self._store.write() as work:
            found = await _service(work, username)
            if not force:
                await _refuse_metered_twice(work, found, now)
            return await _add(work, found, source, named or str(found.service.id), None, actor, now, swapped=False)

    async def remove(self, meter_id: int, actor: Actor, now: datetime) -> Meter:
        """Meter by it no more; what it has metered stays.

        Raises:
            NotFoundError: no such meter.
        """
        async with self._store.write() as work:
            meter = await work.meters.by_id(meter_id)
            if meter is None:
                raise NotFoundError(f"no meter has the number {meter_id}", hint="`netbilld meter list` shows them")
            await work.meters.remove(meter_id, now)
            await work.changes.record(actor, now, "meter.remove", "meter", meter_id, {"key": meter.key})
        return meter

    async def decide(self, doubt_id: int, actor: Actor, now: datetime, *, accept: bool) -> MeterDoubt:
        """Bill octets that were in doubt, or never.

        Raises:
            NotFoundError: no such doubt is open.
        """
        async with self._store.write() as work:
            state = "accepted" if accept else "rejected"
            doubt = await work.meters.decide(doubt_id, state, actor.name, now)
            if doubt is None:
                raise NotFoundError(
                    f"nothing in doubt has the number {doubt_id}", hint="`netbilld meter doubts` shows what is"
                )
            if accept:
                moved = Moved(
                    doubt.service_id,
                    None,
                    doubt.meter_id,
                    doubt.source,
                    doubt.start_at,
                    doubt.end_at,
                    doubt.upload_octets,
                    doubt.download_octets,
                )
                await self._book.handle(work, [moved], now)
            details = {
                "octets": doubt.upload_octets + doubt.download_octets,
                "state": state,
                "service_ids": _said([doubt.service_id]),
            }
            await work.changes.record(actor, now, "meter.decide", "meter", doubt.meter_id, details)
        return doubt


async def _service(work: Work, username: str) -> FoundService:
    found = await work.subscribers.by_credential_name(username)
    if found is None:
        raise unknown_username(username)
    return found


async def _refuse_metered_twice(work: Work, found: FoundService, now: datetime) -> None:
    """Refuse a meter beside sessions: a subscriber who is offline for a moment would be billed twice from then on."""
    service_id = found.service.id
    if any(meter.nas_id is not None for meter in await work.meters.in_use(source="api", service_id=service_id)):
        said = "has a line that is metered by the queue of its router"
    elif await work.services.open_sessions(service_id):
        said = "has open sessions that RADIUS meters"
    elif await work.services.told_of_since(service_id, now - RADIUS_AGO):
        said = f"had sessions that RADIUS metered within the last {RADIUS_AGO.days} days"
    else:
        return
    raise RefusedError(
        f"{found.credential.name} {said}: both would be billed",
        hint="use --force where that is other traffic",
        code="metered_twice",
    )


async def _add(
    work: Work,
    found: FoundService,
    source: str,
    key: str,
    nas_id: UUID | None,
    actor: Actor,
    now: datetime,
    *,
    swapped: bool,
) -> Meter:
    meter = await work.meters.add(
        Meter(
            id=0,
            service_id=found.service.id,
            nas_id=nas_id,
            source=source,
            key=key,
            is_allowed=True,
            is_swapped=swapped,
            created_at=now,
        )
    )
    details = {"username": found.credential.name, "source": source, "key": key, "is_swapped": swapped}
    await work.changes.record(actor, now, "meter.add", "meter", meter.id, details)
    return meter


def _said(service_ids: Collection[UUID]) -> list[str]:
    return [str(service_id) for service_id in service_ids]
