"""Rows of bank statements, how banks write them, and what of the database may concern some rows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import Row, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.payment_codes import PaymentCodeStore
from netbilld.adapters.database.tables import (
    accounts,
    bank_mappings,
    bank_rows,
    credentials,
    invoices,
    payments,
    services,
    subscribers,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.bank_matching import (
    RECORDED_WITHIN_DAYS,
    Known,
    OpenDocument,
    Owing,
    Reason,
    phone_forms,
    plain,
    tokens,
)
from netbilld.billing.bank_statement import BankRow
from netbilld.billing.chart import RECEIVABLE
from netbilld.billing.invoice import OPEN_STATUSES
from netbilld.billing.payment import PaymentStatus
from netbilld.model.errors import NotFoundError
from netbilld.services.match_bank_rows import RowStatus, StoredRow

BATCH: Final = 5_000
_T = TypeVar("_T")
_OPEN: Final = [status.value for status in OPEN_STATUSES]
_OUTSTANDING: Final = invoices.c.total_minor - invoices.c.paid_minor


class BankStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def mapping(self, name: str) -> Mapping[str, Any] | None:
        """Return the definition of a mapping that was added."""
        found: Mapping[str, Any] | None = await self._connection.scalar(
            select(bank_mappings.c.definition).where(bank_mappings.c.name == name)
        )
        return found

    async def mappings(self) -> dict[str, Mapping[str, Any]]:
        """Return the mappings that were added, by name."""
        rows = await self._connection.execute(select(bank_mappings).order_by(bank_mappings.c.name))
        return {row.name: row.definition for row in rows}

    async def keep_mapping(self, name: str, definition: Mapping[str, Any], at: datetime, by: str) -> None:
        """Store a mapping, in the place of one of that name."""
        values = {"definition": dict(definition), "created_at": at, "actor": by[:200]}
        await self._connection.execute(
            insert_into(self._connection, bank_mappings)
            .values(name=name, **values)
            .on_conflict_do_update(index_elements=["name"], set_=values)
        )

    async def add(
        self, rows: Sequence[BankRow], *, account: str, method: str, currency: str, file_name: str, at: datetime
    ) -> list[int]:
        """Store rows that are not on record, and return the numbers of those."""
        if not rows:
            return []
        statement = (
            insert_into(self._connection, bank_rows)
            .values(
                [
                    {
                        "account": account,
                        "method": method,
                        "fingerprint": row.fingerprint,
                        "booked_on": row.booked_on,
                        "amount_minor": row.amount_minor,
                        "currency": currency,
                        "text": row.text,
                        "reference": row.reference,
                        "file_name": file_name,
                        "line": row.line,
                        "imported_at": at,
                        "status": RowStatus.OPEN.value,
                        "reason": "",
                    }
                    for row in rows
                ]
            )
            .on_conflict_do_nothing(index_elements=["fingerprint"])
            .returning(bank_rows.c.id)
        )
        return sorted((await self._connection.execute(statement)).scalars())

    async def find(self, row_id: int, *, lock: bool = False) -> StoredRow:
        """Return a row.

        Raises:
            NotFoundError: there is none of that number.
        """
        query = select(bank_rows).where(bank_rows.c.id == row_id)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise NotFoundError(f"no row {row_id}", hint="`netbilld bank list` shows them")
        return _row(row)

    async def some(self, row_ids: Sequence[int]) -> list[StoredRow]:
        """Return rows by number."""
        found: list[StoredRow] = []
        for some in _batches(row_ids):
            query = select(bank_rows).where(bank_rows.c.id.in_(some)).order_by(bank_rows.c.id)
            found += [_row(row) for row in await self._connection.execute(query)]
        return found

    async def listed(self, status: RowStatus | None, limit: int | None = None) -> list[StoredRow]:
        """Return rows of that status, or all, newest day first."""
        query = select(bank_rows).order_by(bank_rows.c.booked_on.desc(), bank_rows.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(bank_rows.c.status == status.value)
        return [_row(row) for row in await self._connection.execute(query)]

    async def decide(
        self, row_id: int, status: RowStatus, payment_id: UUID | None, reason: str, at: datetime, by: str
    ) -> None:
        """Write down what was decided on a row."""
        await self._connection.execute(
            update(bank_rows)
            .where(bank_rows.c.id == row_id)
            .values(status=status.value, payment_id=payment_id, reason=reason[:200], decided_at=at, decided_by=by[:200])
        )

    async def linked(self, payment_id: UUID) -> int | None:
        """Return the row that a payment is linked with."""
        found: int | None = await self._connection.scalar(
            select(bank_rows.c.id).where(bank_rows.c.payment_id == payment_id)
        )
        return found

    # -- what may concern rows -----------------------------------------------------------------------------------------

    async def known(self, rows: Sequence[StoredRow], now: datetime, *, named_only: bool = False) -> Known:
        """Return what the proposals for some rows are made from.

        Args:
            rows: which.
            now: when.
            named_only: leave out who only owes as much; nothing that is sure comes of that.
        """
        if not rows:
            return Known()
        amounts = {row.amount_minor for row in rows}
        words = {word for row in rows for word in tokens(row.whole_text)}
        people, names = await self._people(words)
        open_of = await self._open_of(sorted({number for number, _ in people.values()}))
        by_number = await self._by_number(words)
        for document in by_number.values():
            open_of.setdefault(document.subscriber_no, [document])
        owing = {} if named_only else await self._owing(amounts)
        recorded = await self._recorded(rows, amounts)
        await self._name(names, {number for several in recorded.values() for _, number, _ in several})
        return Known(
            codes=await self._codes(rows[0].currency, amounts, now),
            by_number=by_number,
            people=people,
            names=names,
            open_of=open_of,
            owing=owing,
            recorded=recorded,
        )

    async def _codes(
        self, currency: str, amounts: set[int], now: datetime
    ) -> dict[int, list[tuple[OpenDocument, bool]]]:
        codes = await PaymentCodeStore(self._connection).of_amounts(currency, amounts)
        documents = await self._documents(invoices.c.id.in_([code.invoice_id for code in codes]), settled_too=True)
        by_number = {document.number: document for document in documents}
        found: dict[int, list[tuple[OpenDocument, bool]]] = {}
        for code in codes:
            document = by_number.get(code.invoice_number)
            if document is not None:
                still = code.is_open(now) and document.outstanding_minor > 0
                found.setdefault(code.amount_minor, []).append((document, still))
        return found

    async def _by_number(self, words: set[str]) -> dict[str, OpenDocument]:
        bare = func.lower(func.replace(func.replace(func.replace(invoices.c.number, "-", ""), "/", ""), ".", ""))
        found: dict[str, OpenDocument] = {}
        for some in _batches(sorted(word for word in words if len(word) >= _NUMBER_AT_LEAST)):
            found |= {plain(one.number): one for one in await self._documents(bare.in_(some))}
        return found

    async def _people(self, words: set[str]) -> tuple[dict[str, tuple[str, Reason]], dict[str, str]]:
        people: dict[str, tuple[str, Reason]] = {}
        names: dict[str, str] = {}
        for some in _batches(sorted(words)):
            phones = [word for word in some if word.isdigit() and len(word) >= _PHONE_AT_LEAST]
            by_number = select(subscribers).where(subscribers.c.number.in_(some))
            by_phone = select(subscribers).where(subscribers.c.phone.in_([p for w in phones for p in _stored(w)]))
            by_name = (
                select(subscribers, credentials.c.name_key)
                .join(services, services.c.subscriber_id == subscribers.c.id)
                .join(credentials, credentials.c.service_id == services.c.id)
                .where(credentials.c.name_key.in_(some), services.c.status != "ended")
            )
            for row in await self._connection.execute(by_name):
                people[row.name_key] = (row.number, Reason.USERNAME)
                names[row.number] = row.name
            for row in await self._connection.execute(by_phone) if phones else ():
                people |= dict.fromkeys(phone_forms(row.phone or ""), (row.number, Reason.PHONE))
                names[row.number] = row.name
            for row in await self._connection.execute(by_number):
                people[row.number] = (row.number, Reason.SUBSCRIBER_NUMBER)
                names[row.number] = row.name
        return people, names

    async def _name(self, names: dict[str, str], numbers: Iterable[str]) -> None:
        for some in _batches(sorted(set(numbers) - names.keys())):
            query = select(subscribers.c.number, subscribers.c.name).where(subscribers.c.number.in_(some))
            names |= {row.number: row.name for row in await self._connection.execute(query)}

    async def _open_of(self, numbers: Sequence[str]) -> dict[str, list[OpenDocument]]:
        found: dict[str, list[OpenDocument]] = {}
        for some in _batches(numbers):
            for one in await self._documents(subscribers.c.number.in_(some)):
                found.setdefault(one.subscriber_no, []).append(one)
        return found

    async def _owing(self, amounts: set[int]) -> dict[int, Owing]:
        found: dict[int, list[OpenDocument]] = {}
        for one in await self._documents(_OUTSTANDING.in_(sorted(amounts))):
            found.setdefault(one.outstanding_minor, []).append(one)
        owe_it_in_all = select(accounts.c.subscriber_id).where(
            accounts.c.code.like(f"{RECEIVABLE}:%"), accounts.c.balance_minor.in_(sorted(amounts))
        )
        several = (
            select(
                func.min(invoices.c.number).label("number"),
                func.sum(_OUTSTANDING).label("outstanding_minor"),
                func.min(invoices.c.due_on).label("due_on"),
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name.label("subscriber_name"),
            )
            .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
            .where(invoices.c.status.in_(_OPEN), invoices.c.subscriber_id.in_(owe_it_in_all))
            .group_by(subscribers.c.id, subscribers.c.number, subscribers.c.name)
            .having(func.count() > 1)
        )
        for row in await self._connection.execute(several):
            found.setdefault(int(row.outstanding_minor), []).append(_document(row))
        return {amount_minor: Owing.of(documents) for amount_minor, documents in found.items()}

    async def _recorded(self, rows: Sequence[StoredRow], amounts: set[int]) -> dict[int, list[tuple[UUID, str, Any]]]:
        days = [row.booked_on for row in rows]
        around = timedelta(days=RECORDED_WITHIN_DAYS)
        linked = select(bank_rows.c.payment_id).where(bank_rows.c.payment_id.is_not(None))
        query = (
            select(payments.c.id, payments.c.amount_minor, payments.c.received_on, subscribers.c.number)
            .join(subscribers, subscribers.c.id == payments.c.subscriber_id)
            .where(
                payments.c.status == PaymentStatus.RECEIVED.value,
                payments.c.method.in_({row.method for row in rows}),
                payments.c.amount_minor.in_(sorted(amounts)),
                payments.c.received_on.between(min(days) - around, max(days) + around),
                payments.c.id.not_in(linked),
            )
        )
        found: dict[int, list[tuple[UUID, str, Any]]] = {}
        for row in await self._connection.execute(query):
            found.setdefault(int(row.amount_minor), []).append((row.id, row.number, row.received_on))
        return found

    async def _documents(self, chosen: Any, *, settled_too: bool = False) -> list[OpenDocument]:
        query: Select[Any] = (
            select(
                invoices.c.number,
                _OUTSTANDING.label("outstanding_minor"),
                invoices.c.due_on,
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name.label("subscriber_name"),
            )
            .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
            .where(chosen if settled_too else chosen & invoices.c.status.in_(_OPEN))
            .order_by(invoices.c.due_on, invoices.c.number)
        )
        return [_document(row) for row in await self._connection.execute(query)]


_NUMBER_AT_LEAST: Final = 6
_PHONE_AT_LEAST: Final = 9


def _stored(word: str) -> list[str]:
    """Return how a number in a text may be written with its subscriber."""
    forms = phone_forms(word)
    return [*forms, *(f"+{form}" for form in forms if form.startswith("62"))]


def _document(row: Any) -> OpenDocument:
    return OpenDocument(row.number, int(row.outstanding_minor), row.due_on, row.subscriber_no, row.subscriber_name)


def _row(row: Row[Any]) -> StoredRow:
    return StoredRow(
        id=int(row.id),
        account=row.account,
        method=row.method,
        booked_on=row.booked_on,
        amount_minor=int(row.amount_minor),
        currency=row.currency,
        text=row.text,
        reference=row.reference,
        file_name=row.file_name,
        line=row.line,
        imported_at=row.imported_at,
        status=RowStatus(row.status),
        payment_id=row.payment_id,
        reason=row.reason,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
    )


def _batches(values: Sequence[_T]) -> list[Sequence[_T]]:
    return [values[start : start + BATCH] for start in range(0, len(values), BATCH)]
