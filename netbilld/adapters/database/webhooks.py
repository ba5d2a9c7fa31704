"""Webhooks, what they are to be told, and how far events were looked for."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    changes,
    invoices,
    quota_crossings,
    subscribers,
    webhook_deliveries,
    webhook_marks,
    webhooks,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.webhook import Delivery, Webhook
from netbilld.ports.webhooks import Sent
from netbilld.services.queue_events import CHANGES, CROSSINGS
from netbilld.services.webhook_events import Event

_DELIVERY: Final = tuple(field.name for field in fields(Delivery))
_AT_ONCE: Final = 1_000
_OVERLAP: Final = 100  # crossings whose transactions may have committed late
_LONGEST_ERROR: Final = 300


class _Crossing(NamedTuple):
    id: int
    service_id: UUID
    at: datetime
    limit_octets: int
    over_octets: int


class WebhookStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- webhooks ------------------------------------------------------------------------------------------------------

    async def add(self, webhook: Webhook, secret_sealed: bytes) -> bool:
        """Keep a new webhook; False, and nothing kept, where its name is another's."""
        statement = (
            insert_into(self._connection, webhooks)
            .values(
                id=webhook.id,
                name=webhook.name,
                name_key=webhook.name.casefold(),
                url=webhook.url,
                events=list(webhook.events),
                secret_sealed=secret_sealed,
                is_active=webhook.is_active,
                active_since=webhook.active_since,
                created_at=webhook.created_at,
                created_by=webhook.created_by,
            )
            .on_conflict_do_nothing(index_elements=["name_key"])
            .returning(webhooks.c.id)
        )
        return (await self._connection.execute(statement)).first() is not None

    async def all(self) -> list[Webhook]:
        """Return every webhook, by name."""
        rows = (await self._connection.execute(select(webhooks).order_by(webhooks.c.name_key))).mappings()
        return [_webhook(row) for row in rows]

    async def by_id(self, webhook_id: UUID) -> Webhook | None:
        """Return one webhook."""
        query = select(webhooks).where(webhooks.c.id == webhook_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _webhook(row)

    async def set_active(self, webhook_id: UUID, now: datetime, *, is_active: bool) -> None:
        """Let a webhook be told, or not."""
        values: dict[str, Any] = {"is_active": is_active, **({"active_since": now} if is_active else {})}
        await self._connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(values))

    async def remove(self, webhook_id: UUID) -> None:
        """Forget a webhook with its log."""
        await self._connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.webhook_id == webhook_id))
        await self._connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id))

    # -- deliveries ----------------------------------------------------------------------------------------------------

    async def queue(self, rows: Collection[tuple[UUID, Event, str]], now: datetime) -> None:
        """Queue events; one that a webhook is told already is left as it is."""
        values = [
            {
                "webhook_id": webhook_id,
                "event_id": event.id,
                "event": event.kind,
                "body": body,
                "state": "queued",
                "attempts": 0,
                "created_at": now,
                "next_at": now,
            }
            for webhook_id, event, body in rows
        ]
        statement = insert_into(self._connection, webhook_deliveries).on_conflict_do_nothing(
            index_elements=["webhook_id", "event_id"]
        )
        for start in range(0, len(values), _AT_ONCE):
            await self._connection.execute(statement, values[start : start + _AT_ONCE])

    async def due(self, now: datetime, each: int) -> list[tuple[Webhook, bytes, list[Delivery]]]:
        """Return the active webhooks that are to be told something, each with its secret, sealed, and the oldest."""
        waiting = select(webhook_deliveries.c.webhook_id).where(
            webhook_deliveries.c.state == "queued", webhook_deliveries.c.next_at <= now
        )
        query = select(webhooks).where(webhooks.c.is_active, webhooks.c.id.in_(waiting))
        found = []
        for row in (await self._connection.execute(query)).mappings().all():
            theirs = (
                select(webhook_deliveries)
                .where(
                    webhook_deliveries.c.webhook_id == row["id"],
                    webhook_deliveries.c.state == "queued",
                    webhook_deliveries.c.next_at <= now,
                )
                .order_by(webhook_deliveries.c.id)
                .limit(each)
            )
            some = [_delivery(one) for one in (await self._connection.execute(theirs)).mappings()]
            found.append((_webhook(row), bytes(row["secret_sealed"]), some))
        return found

    async def note(
        self, delivery_id: int, attempts: int, sent: Sent, at: datetime, *, state: str, next_at: datetime
    ) -> None:
        """Note what came of an attempt."""
        await self._connection.execute(
            update(webhook_deliveries)
            .where(webhook_deliveries.c.id == delivery_id)
            .values(
                state=state,
                attempts=attempts,
                next_at=next_at,
                last_at=at,
                last_status=sent.status,
                last_error=sent.error[:_LONGEST_ERROR] if sent.error else None,
                last_milliseconds=sent.milliseconds,
                ended_at=None if state == "queued" else at,
            )
        )

    async def queue_again(self, delivery_id: int, now: datetime) -> None:
        """Let a delivery be sent once more, with as many attempts as a new one."""
        await self._connection.execute(
            update(webhook_deliveries)
            .where(webhook_deliveries.c.id == delivery_id)
            .values(state="queued", attempts=0, next_at=now, ended_at=None)
        )

    async def deliveries(self, webhook_id: UUID, limit: int, offset: int) -> list[Delivery]:
        """Return what a webhook was and is to be told, newest first."""
        query = (
            select(webhook_deliveries)
            .where(webhook_deliveries.c.webhook_id == webhook_id)
            .order_by(webhook_deliveries.c.id.desc())
            .limit(limit)
            .offset(offset)
        )
        return [_delivery(row) for row in (await self._connection.execute(query)).mappings()]

    async def delivery(self, delivery_id: int) -> Delivery | None:
        """Return one delivery."""
        query = select(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _delivery(row)

    async def prune(self, before: datetime) -> int:
        """Forget deliveries that ended before; return how many."""
        done = await self._connection.execute(
            delete(webhook_deliveries).where(
                webhook_deliveries.c.state.in_(("delivered", "dead")), webhook_deliveries.c.ended_at < before
            )
        )
        return int(done.rowcount)

    # -- where events come from ----------------------------------------------------------------------------------------

    async def mark(self, source: str) -> int | None:
        """Return up to which number a source was looked at; None for never."""
        number: int | None = await self._connection.scalar(
            select(webhook_marks.c.last_id).where(webhook_marks.c.source == source)
        )
        return number

    async def set_mark(self, source: str, last_id: int) -> None:
        """Keep up to which number a source was looked at."""
        statement = insert_into(self._connection, webhook_marks).values(source=source, last_id=last_id)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["source"], set_={"last_id": last_id})
        )

    async def begin_here(self) -> None:
        """Let events be looked for behind what there is now."""
        for source, table in ((CHANGES, changes), (CROSSINGS, quota_crossings)):
            await self.set_mark(source, int(await self._connection.scalar(select(func.max(table.c.id))) or 0))

    async def crossings_since(self, crossing_id: int) -> list[_Crossing]:
        """Return crossings with a higher number, and a few before them: their transactions may have ended late."""
        query = (
            select(*(quota_crossings.c[name] for name in _Crossing._fields))
            .where(quota_crossings.c.id > crossing_id - _OVERLAP)
            .order_by(quota_crossings.c.id)
            .limit(_AT_ONCE + _OVERLAP)
        )
        return [_Crossing(*row) for row in await self._connection.execute(query)]

    async def subscriber_numbers(self, subscriber_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the numbers of subscribers by their ids."""
        wanted = sorted(subscriber_ids)
        found: dict[UUID, str] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            query = select(subscribers.c.id, subscribers.c.number).where(
                subscribers.c.id.in_(wanted[start : start + _AT_ONCE])
            )
            found |= {row.id: row.number for row in await self._connection.execute(query)}
        return found

    async def invoices(self, numbers: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """Return what is told of documents, by number."""
        wanted = sorted(numbers)
        found: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            query = (
                select(
                    invoices.c.number, invoices.c.kind, invoices.c.issued_on, invoices.c.due_on, invoices.c.currency,
                    invoices.c.total_minor, invoices.c.tax_minor, subscribers.c.number.label("subscriber_no"),
                )
                .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
                .where(invoices.c.number.in_(wanted[start : start + _AT_ONCE]))
            )  # fmt: skip
            for row in await self._connection.execute(query):
                found[row.number] = {
                    "number": row.number,
                    "kind": row.kind,
                    "subscriber_no": row.subscriber_no,
                    "issued_on": row.issued_on.isoformat(),
                    "due_on": row.due_on.isoformat() if row.due_on else None,
                    "currency": row.currency,
                    "total": row.total_minor,
                    "tax": row.tax_minor,
                }
        return found


def _webhook(row: RowMapping) -> Webhook:
    return Webhook(
        id=row["id"],
        name=row["name"],
        url=row["url"],
        events=tuple(row["events"]),
        is_active=row["is_active"],
        active_since=row["active_since"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )


def _delivery(row: RowMapping) -> Delivery:
    return Delivery(**{name: row[name] for name in _DELIVERY})
