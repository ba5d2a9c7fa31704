"""Allowances that several services of a subscriber share: a household, a company, a class of devices."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID, uuid4

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.subscriber import FoundService
from netbilld.model.units import parse_octets
from netbilld.ports.changes import Changes
from netbilld.services import change_terms
from netbilld.services.change_terms import TermsOfService
from netbilld.services.find_service import Subscribers, find_service
from netbilld.services.stop_service import ended_service
from netbilld.services.subscriber_fields import clean_text


class SharedKind(StrEnum):
    HOUSEHOLD = "household"
    COMPANY = "company"
    DEVICES = "devices"


@dataclass(frozen=True, slots=True)
class Shared:
    """A shared allowance; without octets of its own it is what the plans of its services include, together."""

    id: UUID
    subscriber_id: UUID
    kind: str
    name: str
    data_octets: int | None
    service_ids: tuple[UUID, ...] = ()


class SharedAllowances(Protocol):
    async def by_name(self, name: str, *, lock: bool = False) -> Shared | None: ...

    async def of_service(self, service_id: UUID) -> Shared | None: ...

    async def add(self, shared: Shared, actor: str, at: datetime) -> None: ...

    async def set_octets(self, shared_id: UUID, data_octets: int | None) -> None: ...

    async def join(self, shared_id: UUID, service_ids: Sequence[UUID], at: datetime) -> None: ...

    async def leave(self, service_id: UUID) -> None: ...


class Work(change_terms.Work, Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def shared(self) -> SharedAllowances: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ShareAllowance:
    """Lets services share one sum, and ends that."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def share(
        self, name: str, usernames: Sequence[str], kind: str, data: str | None, actor: Actor, now: datetime
    ) -> Shared:
        """Let services share the allowance of that name, which is made where there is none.

        Args:
            name: what it is known by.
            usernames: of services of one subscriber, on the same billing day, whose plans have an allowance of data.
            kind: household, company or devices; of one that is made.
            data: how much it includes; None leaves it, for a new one what the plans include together.
            actor: who.
            now: when.

        Raises:
            InvalidInputError: name or volume can't be.
            NotFoundError: nobody has one of the names.
            RefusedError: a service is another subscriber's, on another day, ended, without allowance, or shares one.
        """
        said = clean_text("name", name, 100)
        if not said:
            raise InvalidInputError("the name is empty")
        data_octets = parse_octets(data) if data is not None else None
        if data_octets == 0:
            raise InvalidInputError("0 is no allowance")
        async with self._store.write() as work:
            shared = await work.shared.by_name(said, lock=True)
            first: FoundService | None = None
            joining: list[UUID] = []
            for username in usernames:
                found = await find_service(work.subscribers, username)
                first = first or found
                owner = shared.subscriber_id if shared is not None else first.subscriber.id
                if found.subscriber.id != owner:
                    raise RefusedError(f"{username} is another subscriber's; a shared allowance is of one")
                if found.service.billing_day != first.service.billing_day:
                    raise RefusedError(
                        f"{username} is billed on day {found.service.billing_day}, not {first.service.billing_day}",
                        hint="give them one billing day first: `subscriber set USERNAME --billing-day N`",
                    )
                await _refuse_member(work, found, username, shared, now)
                joining.append(found.service.id)
            if shared is None:
                if first is None:
                    raise InvalidInputError("name the services that share it")
                shared = Shared(uuid4(), first.subscriber.id, SharedKind(kind).value, said, data_octets)
                await work.shared.add(shared, actor.name, now)
            elif data_octets is not None:
                await work.shared.set_octets(shared.id, data_octets)
            new = [service_id for service_id in joining if service_id not in shared.service_ids]
            await work.shared.join(shared.id, new, now)
            details = {
                "service_ids": sorted({str(one) for one in (*shared.service_ids, *joining)}),
                "name": said,
                "kind": shared.kind,
                "data": data_octets,
            }
            await work.changes.record(actor, now, "allowance.share", "subscriber", shared.subscriber_id, details)
        return Shared(
            shared.id,
            shared.subscriber_id,
            shared.kind,
            said,
            data_octets if data_octets is not None else shared.data_octets,
            (*shared.service_ids, *new),
        )

    async def unshare(self, username: str, actor: Actor, now: datetime) -> str:
        """Let a service have its plan's own allowance again; return the name of the one it shared.

        Raises:
            NotFoundError: nobody has that name.
            RefusedError: it shares none.
        """
        async with self._store.write() as work:
            found = await find_service(work.subscribers, username)
            shared = await work.shared.of_service(found.service.id)
            if shared is None:
                raise RefusedError(f"{username} shares no allowance")
            await work.shared.leave(found.service.id)
            details = {"service_ids": sorted(str(one) for one in shared.service_ids), "name": shared.name}
            await work.changes.record(actor, now, "allowance.unshare", "subscriber", found.subscriber.id, details)
        return shared.name


async def _refuse_member(work: Work, found: FoundService, username: str, shared: Shared | None, now: datetime) -> None:
    if found.service.status == "ended":
        raise ended_service(username)
    terms = await TermsOfService.load(work, found.service)
    if terms.plan_on(terms.today(now)).allowance is None:
        raise RefusedError(f"the plan of {username} has no allowance of data to share")
    other = await work.shared.of_service(found.service.id)
    if other is not None and (shared is None or other.id != shared.id):
        raise RefusedError(f"{username} shares {other.name!r} already", hint=f"`allowance unshare {username}` first")
