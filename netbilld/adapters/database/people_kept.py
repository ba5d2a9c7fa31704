"""What is kept about subscribers: notes, files, what they were told, and their story."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, insert, or_, select, update

from netbilld.adapters.database.people_list import PeopleListQueries
from netbilld.adapters.database.tables import (
    changes,
    invoices,
    outbox,
    paper_invoices,
    payments,
    services,
    subscriber_files,
    subscriber_notes,
    subscribers,
)
from netbilld.services.people_views import Happening, KeptFile, Note, Told

_MOST: Final = 200
_OF_MONEY: Final = frozenset({"price_minor", "discounts", "free", "timing"})


class PeopleStore(PeopleListQueries):
    """Queries of one transaction."""

    # -- notes -------------------------------------------------------------------------------------------------------

    async def notes(self, subscriber_id: UUID) -> Sequence[Note]:
        """Return the newest notes first."""
        query = (
            select(subscriber_notes.c.id, subscriber_notes.c.text, subscriber_notes.c.actor, subscriber_notes.c.at)
            .where(subscriber_notes.c.subscriber_id == subscriber_id, subscriber_notes.c.removed_at.is_(None))
            .order_by(subscriber_notes.c.id.desc())
            .limit(_MOST)
        )
        return [Note(**row) for row in await self._rows(query)]

    async def add_note(self, subscriber_id: UUID, text: str, actor: str, at: datetime) -> int:
        """Keep a note and return its number."""
        done = await self._connection.execute(
            insert(subscriber_notes)
            .values(subscriber_id=subscriber_id, text=text, actor=actor, at=at)
            .returning(subscriber_notes.c.id)
        )
        return int(done.scalar_one())

    async def remove_note(self, subscriber_id: UUID, note_id: int, at: datetime) -> bool:
        """Take a note of that subscriber out of sight; return False where there is none."""
        done = await self._connection.execute(
            update(subscriber_notes)
            .where(
                subscriber_notes.c.id == note_id,
                subscriber_notes.c.subscriber_id == subscriber_id,
                subscriber_notes.c.removed_at.is_(None),
            )
            .values(removed_at=at)
        )
        return int(done.rowcount) == 1

    # -- files -------------------------------------------------------------------------------------------------------

    async def files(self, subscriber_id: UUID) -> Sequence[KeptFile]:
        """Return the newest files first, without their content."""
        file = subscriber_files.c
        query = (
            select(file.id, file.name, file.kind, file.octets, file.actor, file.at)
            .where(file.subscriber_id == subscriber_id, file.removed_at.is_(None))
            .order_by(file.at.desc(), file.id)
            .limit(_MOST)
        )
        return [KeptFile(**row) for row in await self._rows(query)]

    async def number_of_files(self, subscriber_id: UUID) -> int:
        """Return how many files of a subscriber are kept."""
        file = subscriber_files.c
        return await self._number(
            select(func.count()).where(file.subscriber_id == subscriber_id, file.removed_at.is_(None))
        )

    async def add_file(self, subscriber_id: UUID, file: KeptFile, digest: str, content: bytes) -> bool:
        """Keep a file; return False where the same content is kept of that subscriber already."""
        kept = select(subscriber_files.c.id).where(
            subscriber_files.c.subscriber_id == subscriber_id,
            subscriber_files.c.digest == digest,
            subscriber_files.c.removed_at.is_(None),
        )
        if await self._connection.scalar(kept) is not None:
            return False
        await self._connection.execute(
            insert(subscriber_files).values(
                id=file.id,
                subscriber_id=subscriber_id,
                name=file.name,
                kind=file.kind,
                octets=file.octets,
                digest=digest,
                content=content,
                actor=file.actor,
                at=file.at,
            )
        )
        return True

    async def file(self, subscriber_id: UUID, file_id: UUID) -> tuple[KeptFile, bytes] | None:
        """Return a file of that subscriber with its content."""
        row = await self._row(
            select(subscriber_files).where(
                subscriber_files.c.id == file_id,
                subscriber_files.c.subscriber_id == subscriber_id,
                subscriber_files.c.removed_at.is_(None),
            )
        )
        if row is None:
            return None
        kept = KeptFile(row["id"], row["name"], row["kind"], row["octets"], row["actor"], row["at"])
        return kept, bytes(row["content"] or b"")

    async def remove_file(self, subscriber_id: UUID, file_id: UUID, at: datetime) -> bool:
        """Remove a file's content for good; that there was one stays on record."""
        done = await self._connection.execute(
            update(subscriber_files)
            .where(
                subscriber_files.c.id == file_id,
                subscriber_files.c.subscriber_id == subscriber_id,
                subscriber_files.c.removed_at.is_(None),
            )
            .values(removed_at=at, content=None)
        )
        return int(done.rowcount) == 1

    # -- what was said and done --------------------------------------------------------------------------------------

    async def told(self, subscriber_id: UUID, limit: int) -> Sequence[Told]:
        """Return the newest messages to a subscriber first."""
        query = (
            select(
                outbox.c.id,
                outbox.c.kind,
                outbox.c.state,
                outbox.c.channel,
                outbox.c.recipient,
                outbox.c.said,
                outbox.c.ended_at,
                outbox.c.created_at,
            )
            .where(outbox.c.subscriber_id == subscriber_id, outbox.c.staff_id.is_(None))
            .order_by(outbox.c.id.desc())
            .limit(limit)
        )
        return [
            Told(
                row["id"],
                row["kind"],
                row["state"],
                row["channel"],
                row["recipient"],
                row["said"],
                row["ended_at"] or row["created_at"],
            )
            for row in await self._rows(query)
        ]

    async def paper_states(self, numbers: Sequence[str]) -> Mapping[str, str]:
        """Return where paper invoices are, by number."""
        query = (
            select(invoices.c.number, paper_invoices.c.state)
            .join(paper_invoices, paper_invoices.c.invoice_id == invoices.c.id)
            .where(invoices.c.number.in_(numbers))
        )
        return {row["number"]: row["state"] for row in await self._rows(query)} if numbers else {}

    async def story(
        self, subscriber_id: UUID, before: datetime | None, limit: int, *, sees_money: bool
    ) -> Sequence[Happening]:
        """Return what has happened to a subscriber, newest first: of each kind the newest are read, then merged."""
        found = await self._changes(subscriber_id, before, limit, sees_money=sees_money)
        found += await self._noted(subscriber_id, before, limit)
        if sees_money:
            found += await self._documents(subscriber_id, before, limit)
            found += await self._payments(subscriber_id, before, limit)
        found += await self._messages(subscriber_id, before, limit)
        return sorted(found, key=lambda one: one.at, reverse=True)[:limit]

    async def _changes(
        self, subscriber_id: UUID, before: datetime | None, limit: int, *, sees_money: bool
    ) -> list[Happening]:
        own = select(services.c.id).where(services.c.subscriber_id == subscriber_id)
        service_ids = [str(one) for one in (await self._connection.scalars(own)).all()]
        number = await self._connection.scalar(select(subscribers.c.number).where(subscribers.c.id == subscriber_id))
        query = (
            select(changes.c.at, changes.c.action, changes.c.actor, changes.c.origin, changes.c.details)
            .where(
                or_(
                    # dunning names whom by their number
                    (changes.c.entity == "subscriber") & changes.c.entity_id.in_([str(subscriber_id), str(number)]),
                    (changes.c.entity == "service") & changes.c.entity_id.in_(service_ids),
                )
            )
            .order_by(changes.c.id.desc())
            .limit(limit)
        )
        # notes and files tell of themselves; what dunning and money did is for those who see money
        hidden = ("note.", "file.") if sees_money else ("note.", "file.", "dunning.", "payment.", "invoice.", "wallet.")
        return [
            Happening(
                row["at"],
                "change",
                row["action"],
                row["actor"],
                {"origin": row["origin"], **_told_of(row["details"], sees_money=sees_money)},
            )
            for row in await self._rows(query.where(changes.c.at < before) if before else query)
            if not row["action"].startswith(hidden)
        ]

    async def _noted(self, subscriber_id: UUID, before: datetime | None, limit: int) -> list[Happening]:
        found = []
        for table, code, word in ((subscriber_notes, "note", "text"), (subscriber_files, "file", "name")):
            query = (
                select(table.c.at, table.c.actor, table.c[word].label("what"))
                .where(table.c.subscriber_id == subscriber_id, table.c.removed_at.is_(None))
                .order_by(table.c.at.desc())
                .limit(limit)
            )
            rows = await self._rows(query.where(table.c.at < before) if before else query)
            found += [Happening(row["at"], "note", code, row["actor"], {"text": row["what"]}) for row in rows]
        return found

    async def _documents(self, subscriber_id: UUID, before: datetime | None, limit: int) -> list[Happening]:
        query = (
            select(
                invoices.c.created_at,
                invoices.c.kind,
                invoices.c.number,
                invoices.c.total_minor,
                invoices.c.currency,
                invoices.c.due_on,
            )
            .where(invoices.c.subscriber_id == subscriber_id, invoices.c.number.is_not(None))
            .order_by(invoices.c.created_at.desc())
            .limit(limit)
        )
        return [
            Happening(
                row["created_at"],
                "invoice",
                row["kind"],
                "",
                {
                    "number": row["number"],
                    "total_minor": row["total_minor"],
                    "currency": row["currency"],
                    "due_on": row["due_on"],
                },
            )
            for row in await self._rows(query.where(invoices.c.created_at < before) if before else query)
        ]

    async def _payments(self, subscriber_id: UUID, before: datetime | None, limit: int) -> list[Happening]:
        query = (
            select(payments)
            .where(payments.c.subscriber_id == subscriber_id)
            .order_by(payments.c.recorded_at.desc())
            .limit(limit)
        )
        return [
            Happening(
                row["recorded_at"],
                "payment",
                row["method"],
                row["actor"],
                {
                    "amount_minor": row["amount_minor"],
                    "currency": row["currency"],
                    "reference": row["reference"] or "",
                    "reversed_by": row["reversed_by"] or "",
                },
            )
            for row in await self._rows(query.where(payments.c.recorded_at < before) if before else query)
        ]

    async def _messages(self, subscriber_id: UUID, before: datetime | None, limit: int) -> list[Happening]:
        query = (
            select(outbox.c.created_at, outbox.c.kind, outbox.c.state, outbox.c.channel, outbox.c.recipient)
            .where(outbox.c.subscriber_id == subscriber_id, outbox.c.staff_id.is_(None))
            .order_by(outbox.c.id.desc())
            .limit(limit)
        )
        return [
            Happening(
                row["created_at"],
                "message",
                row["kind"],
                "",
                {"state": row["state"], "channel": row["channel"] or "", "recipient": row["recipient"] or ""},
            )
            for row in await self._rows(query.where(outbox.c.created_at < before) if before else query)
        ]


def _told_of(details: Mapping[str, Any], *, sees_money: bool) -> dict[str, Any]:
    """Return what a line of the story says of a change: its reason, user name, and fields before and after."""
    fields = details.get("fields") or {}
    if not sees_money and isinstance(fields, Mapping):
        fields = {name: values for name, values in fields.items() if name not in _OF_MONEY}
    return {
        "reason": str(details.get("reason") or ""),
        "username": str(details.get("username") or ""),
        "fields": {
            str(name): " → ".join(str(value) for value in values)
            if isinstance(values, Sequence) and not isinstance(values, str)
            else str(values)
            for name, values in (fields.items() if isinstance(fields, Mapping) else ())
        },
    }
