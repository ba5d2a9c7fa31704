"""NAS: stored with sealed secrets; a removed one keeps its row for the sessions it had, and loses its secrets."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import nas, pending_orders, sessions
from netbilld.model.errors import RefusedError
from netbilld.model.nas import DEFAULT_PORT_BPS, Nas

_COLUMNS: Final = [nas.c[column.name] for column in fields(Nas)]


class NasStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, added: Nas) -> None:
        """Store a new NAS.

        Raises:
            RefusedError: its name or its very prefix is another's.
        """
        try:
            await self._connection.execute(insert(nas).values(**_row(asdict(added))))
        except IntegrityError as error:
            raise _taken(error, added.name, added.address) from None

    async def update(self, nas_id: UUID, changes: Mapping[str, Any]) -> None:
        """Set columns of a NAS.

        Raises:
            RefusedError: the new name or prefix is another's.
        """
        try:
            await self._connection.execute(update(nas).where(nas.c.id == nas_id).values(**_row(changes)))
        except IntegrityError as error:
            raise _taken(error, str(changes.get("name")), str(changes.get("address"))) from None

    async def remove(self, nas_id: UUID, now: datetime) -> None:
        """Take a NAS out of service: it is no longer found by name or in `all`, and its secrets are gone."""
        await self._connection.execute(
            update(nas)
            .where(nas.c.id == nas_id)
            .values(
                removed_at=now,
                secret_sealed=b"",
                api_url_sealed=None,
                snmp_community_sealed=None,
                snmp_user_sealed=None,
            )
        )

    async def by_id(self, nas_id: UUID) -> Nas | None:
        """Return a NAS, a removed one too."""
        return await self._one(nas.c.id == nas_id)

    async def by_name(self, name: str) -> Nas | None:
        """Return the NAS in service with that name, in any letter case."""
        return await self._one((nas.c.name_key == name.strip().casefold()) & nas.c.removed_at.is_(None))

    async def at_address(self, address: str) -> list[Nas]:
        """Return the NAS in service with exactly that prefix: several where NAS-Identifier tells them apart."""
        query = select(*_COLUMNS).where(nas.c.address == address, nas.c.removed_at.is_(None)).order_by(nas.c.name_key)
        return [_read(row) for row in (await self._connection.execute(query)).mappings()]

    async def by_radsec_name(self, name: str) -> Nas | None:
        """Return a NAS in service that is bound to that certificate."""
        return await self._one((nas.c.radsec_name == name) & nas.c.removed_at.is_(None), first=True)

    async def all(self) -> list[Nas]:
        """Return every NAS in service, by name."""
        query = select(*_COLUMNS).where(nas.c.removed_at.is_(None)).order_by(nas.c.name_key)
        return [_read(row) for row in (await self._connection.execute(query)).mappings()]

    async def open_sessions(self, nas_id: UUID) -> int:
        """Return how many sessions are open on a NAS."""
        query = select(func.count()).where(sessions.c.nas_id == nas_id, sessions.c.stopped_at.is_(None))
        return int((await self._connection.scalar(query)) or 0)

    async def waiting_orders(self, nas_id: UUID) -> int:
        """Return how many sessions on a NAS have an order that waits."""
        query = (
            select(func.count())
            .select_from(pending_orders.join(sessions, sessions.c.id == pending_orders.c.session_id))
            .where(sessions.c.nas_id == nas_id, sessions.c.stopped_at.is_(None))
        )
        return int((await self._connection.scalar(query)) or 0)

    async def port_speeds(self) -> dict[UUID, int]:
        """Return what one subscriber's port on each NAS can carry, in bit/s; of those removed too."""
        rows = await self._connection.execute(select(nas.c.id, nas.c.port_bps))
        return {row.id: row.port_bps or DEFAULT_PORT_BPS for row in rows}

    async def heard(
        self,
        nas_id: UUID,
        at: datetime,
        *,
        reported_ip: str | None = None,
        identifier: str | None = None,
        clock_off_seconds: int | None = None,
    ) -> None:
        """Note that a NAS was heard, and what it said of itself; a clock that is off by 0 seconds is right."""
        said = {"reported_ip": reported_ip, "identifier": identifier}
        values: dict[str, Any] = {"last_heard_at": at}
        values |= {name: value for name, value in said.items() if value is not None}
        if clock_off_seconds is not None:
            values["clock_off_seconds"] = clock_off_seconds or None
        await self._connection.execute(update(nas).where(nas.c.id == nas_id).values(**values))

    async def sent_message_authenticator(self, nas_id: UUID, at: datetime) -> None:
        """Remember that a NAS has sent a valid Message-Authenticator; the first time counts."""
        await self._connection.execute(
            update(nas)
            .where(nas.c.id == nas_id, nas.c.seen_message_authenticator_at.is_(None))
            .values(seen_message_authenticator_at=at)
        )

    async def _one(self, condition: ColumnElement[bool], *, first: bool = False) -> Nas | None:
        found = (await self._connection.execute(select(*_COLUMNS).where(condition))).mappings()
        row = found.first() if first else found.one_or_none()
        return _read(row) if row else None


def _row(values: Mapping[str, Any]) -> dict[str, Any]:
    row = dict(values)
    if "portal_sources" in row:
        row["portal_sources"] = list(row["portal_sources"])
    return row


def _read(row: Mapping[Any, Any]) -> Nas:
    return Nas(**{**row, "portal_sources": tuple(row["portal_sources"])})


def _taken(error: IntegrityError, name: str, address: str) -> RefusedError:
    if "name_key" in str(error.orig):
        return RefusedError(f"there is a NAS {name!r} already", hint="choose another name", code="name_taken")
    return RefusedError(
        f"another NAS has the address {address}", hint="`netbilld nas list` shows it", code="address_taken"
    )
