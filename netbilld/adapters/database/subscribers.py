"""Subscribers: who owes and pays, found by number or by any name they log in with."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    counters,
    credentials,
    desired,
    plan_versions,
    plans,
    services,
    subscribers,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.errors import RefusedError
from netbilld.model.subscriber import Credential, FoundService, Service, Subscriber
from netbilld.radius.values import lookup_key

FIRST_NUMBER: Final = 100_001
BATCH: Final = 10_000  # values in one statement; either database takes 32,766
SUBSCRIBER: Final = tuple(subscribers.c[name] for name in Subscriber.__dataclass_fields__)
_SERIES: Final = "subscriber"
_DIALLED_AT_HOME: Final = re.compile(r"\A0(?=\d)")


@dataclass(frozen=True, slots=True)
class SubscriberLine:
    """One service in a list, with its subscriber, its first name to log in with and what it was last due."""

    subscriber_no: str
    subscriber_id: UUID
    service_id: UUID
    username: str
    name: str
    phone: str | None
    area: str | None
    plan: str
    status: str
    status_reason: str | None
    access: str | None
    access_reason: str | None
    static_ip: str | None
    created_at: datetime


class SubscriberStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def next_numbers(self, count: int) -> list[str]:
        """Return that many new subscriber numbers: ascending, never given before, also not by an import.

        They are given for good when the transaction commits; another that wants numbers waits for this one.
        """
        given: list[str] = []
        while len(given) < count:
            wanted = count - len(given)
            last = await self._advance(wanted)
            candidates = [str(number) for number in range(last - wanted + 1, last + 1)]
            taken = await self.taken_numbers(candidates)
            given += [number for number in candidates if number not in taken]
        return given

    async def _advance(self, count: int) -> int:
        statement = insert_into(self._connection, counters).values(series=_SERIES, last_number=FIRST_NUMBER - 1 + count)
        upsert = statement.on_conflict_do_update(
            index_elements=["series"], set_={"last_number": counters.c.last_number + count}
        ).returning(counters.c.last_number)
        return int((await self._connection.execute(upsert)).scalar_one())

    async def taken_numbers(self, numbers: Sequence[str]) -> set[str]:
        """Return those of the numbers that a subscriber has, living or terminated."""
        taken: set[str] = set()
        for start in range(0, len(numbers), BATCH):
            query = select(subscribers.c.number).where(subscribers.c.number.in_(numbers[start : start + BATCH]))
            taken.update((await self._connection.execute(query)).scalars())
        return taken

    async def add(self, *added: Subscriber) -> None:
        """Store new subscribers.

        Raises:
            RefusedError: a number is taken.
        """
        if not added:
            return
        try:
            await self._connection.execute(insert(subscribers), [asdict(subscriber) for subscriber in added])
        except IntegrityError:
            numbers = ", ".join(subscriber.number for subscriber in added[:3])
            raise RefusedError(f"subscriber number {numbers} is taken", code="number_taken") from None

    async def update(self, subscriber_id: UUID, fields: Mapping[str, Any]) -> None:
        """Set columns of a subscriber."""
        await self._connection.execute(
            update(subscribers).where(subscribers.c.id == subscriber_id).values(dict(fields))
        )

    async def by_id(self, subscriber_id: UUID) -> Subscriber | None:
        """Return a subscriber."""
        return await self._one(subscribers.c.id == subscriber_id)

    async def by_number(self, number: str, *, lock: bool = False) -> Subscriber | None:
        """Return the subscriber with that number; `lock` keeps others from changing them in this transaction."""
        return await self._one(subscribers.c.number == number, lock=lock)

    async def by_numbers(self, numbers: Sequence[str]) -> dict[str, Subscriber]:
        """Return those of the numbers that exist, with their subscribers."""
        found: dict[str, Subscriber] = {}
        for start in range(0, len(numbers), BATCH):
            query = select(*SUBSCRIBER).where(subscribers.c.number.in_(numbers[start : start + BATCH]))
            for row in (await self._connection.execute(query)).mappings():
                found[row["number"]] = Subscriber(**row)
        return found

    async def _one(self, condition: ColumnElement[bool], *, lock: bool = False) -> Subscriber | None:
        query = select(*SUBSCRIBER).where(condition)
        row = (
            (await self._connection.execute(query.with_for_update(key_share=True) if lock else query))
            .mappings()
            .one_or_none()
        )
        return Subscriber(**row) if row else None

    async def by_credential_name(self, name: str, *, lock: bool = False) -> FoundService | None:
        """Return what a name to log in with leads to; letter case and the way a MAC is written do not count.

        `lock` keeps others from changing subscriber, service and credential until the transaction ends.
        """
        key = credential_key(name)
        query = _found().where(credentials.c.name_key == key)
        if lock:
            # not FOR UPDATE: who only refers to these rows, as the meter does, need not wait
            query = query.with_for_update(of=[subscribers, services, credentials], key_share=True)
        return next(_read_found((await self._connection.execute(query)).all()), None)

    async def by_credential_names(self, names: Collection[str]) -> dict[str, FoundService]:
        """Return what each of these names leads to, by the key that makes it unique; without those of nobody."""
        keys = list({credential_key(name) for name in names})
        found: dict[str, FoundService] = {}
        for start in range(0, len(keys), BATCH):
            query = _found().where(credentials.c.name_key.in_(keys[start : start + BATCH]))
            for one in _read_found((await self._connection.execute(query)).all()):
                found[one.credential.name_key] = one
        return found

    async def search(
        self,
        text: str = "",
        *,
        status: str | None = None,
        plan: str | None = None,
        area: str | None = None,
        limit: int | None = 50,
        offset: int = 0,
    ) -> tuple[list[SubscriberLine], int]:
        """Return one page of services in order of subscriber number, and how many there are in all.

        Args:
            text: part of a number, name, phone, address or name to log in with; empty for all.
            status: of the service: active, suspended, paused or ended.
            plan: code of a plan.
            area: of the subscriber, exactly.
            limit: lines a page; None for all.
            offset: lines to pass over.
        """
        conditions = _conditions(text, status, plan, area)
        first_name = (
            select(credentials.c.name)
            .where(credentials.c.service_id == services.c.id)
            .order_by(credentials.c.kind.desc(), credentials.c.created_at, credentials.c.name_key)
            .limit(1)
            .scalar_subquery()
        )
        joined = (
            subscribers.join(services, services.c.subscriber_id == subscribers.c.id)
            .join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
            .join(plans, plans.c.id == plan_versions.c.plan_id)
            .outerjoin(desired, desired.c.service_id == services.c.id)
        )
        page = (
            select(
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.id.label("subscriber_id"),
                services.c.id.label("service_id"),
                first_name.label("username"),
                subscribers.c.name,
                subscribers.c.phone,
                subscribers.c.area,
                plans.c.code.label("plan"),
                services.c.status,
                services.c.status_reason,
                desired.c.access,
                desired.c.reason.label("access_reason"),
                services.c.static_ip,
                services.c.created_at,
            )
            .select_from(joined)
            .where(conditions)
            .order_by(func.length(subscribers.c.number), subscribers.c.number, services.c.created_at, services.c.id)
            .limit(limit)
            .offset(offset)
        )
        total = await self._connection.scalar(select(func.count()).select_from(joined).where(conditions))
        rows = (await self._connection.execute(page)).mappings()
        return [SubscriberLine(**row) for row in rows], int(total or 0)


def credential_key(name: str) -> str:
    """Return what makes a name to log in with unique: without regard to letter case, MAC addresses normalised."""
    return lookup_key(name.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _conditions(text: str, status: str | None, plan: str | None, area: str | None) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    if text.strip():
        needle = _like(text.strip().lower())
        columns = (subscribers.c.name, subscribers.c.number, subscribers.c.address)
        at_home = _DIALLED_AT_HOME.sub("+62", text.strip())  # stored in E.164, typed as one dials
        names = select(credentials.c.service_id).where(
            or_(
                func.lower(credentials.c.name).like(needle, escape="\\"),
                credentials.c.name_key == credential_key(text.strip()),
            )
        )
        matches = [func.lower(column).like(needle, escape="\\") for column in columns]
        matches.append(subscribers.c.phone.like(_like(at_home), escape="\\"))
        conditions.append(or_(*matches, services.c.id.in_(names)))
    if status is not None:
        conditions.append(services.c.status == status)
    if plan is not None:
        conditions.append(plans.c.code_key == plan.casefold())
    if area is not None:
        conditions.append(subscribers.c.area == area)
    return and_(*conditions)


def _like(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


_TABLES: Final = (
    ("subscriber", SUBSCRIBER),
    ("service", tuple(services.columns)),
    ("credential", tuple(credentials.columns)),
)


def _found() -> Select[Any]:
    columns = [column.label(f"{prefix}__{column.name}") for prefix, own in _TABLES for column in own]
    return (
        select(*columns, plans.c.code.label("plan_code"))
        .select_from(credentials)
        .join(services, services.c.id == credentials.c.service_id)
        .join(subscribers, subscribers.c.id == services.c.subscriber_id)
        .join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
        .join(plans, plans.c.id == plan_versions.c.plan_id)
    )


def _read_found(rows: Sequence[Any]) -> Iterator[FoundService]:
    for row in rows:
        parts: dict[str, dict[str, Any]] = {prefix: {} for prefix, _ in _TABLES}
        for label, value in row._mapping.items():  # noqa: SLF001 - SQLAlchemy's documented accessor
            prefix, _, name = label.partition("__")
            if name:
                parts[prefix][name] = value
        yield FoundService(
            Subscriber(**parts["subscriber"]),
            Service(**parts["service"]),
            Credential(**parts["credential"]),
            row.plan_code,
        )
