"""Somebody who writes invoices by hand and corrects them, in a world of money."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.invoices import InvoiceDocument
from netbilld.adapters.database.tables import accounts
from netbilld.billing.credit_note import Asked
from netbilld.billing.manual_line import manual_line
from netbilld.billing.numbering import DEFAULT, Numbering
from netbilld.billing.tax import PPN_RULES, TaxPolicy
from netbilld.services.correct_invoice import CorrectInvoice
from netbilld.services.manual_invoices import ManualInvoices
from tests.integration.money_world import ACTOR, ZONE, Person, World, at

JAN = date(2026, 1, 1)
PKP = TaxPolicy(is_pkp=True, rules=PPN_RULES)


class Desk(World):
    """A world with somebody who writes and corrects invoices."""

    def __init__(self, database: Database, taxes: TaxPolicy = PKP, numbering: Numbering = DEFAULT) -> None:
        super().__init__(database)
        self.manual = ManualInvoices(database, numbering=numbering, taxes=taxes, due_days=10, timezone=ZONE)
        self.correcting = CorrectInvoice(database, numbering=numbering, timezone=ZONE)

    async def write(self, who: Person, *lines: str, on: date = JAN, **options: Any) -> Mapping[str, Any]:
        written = [manual_line(line, "IDR") for line in lines]
        return await self.manual.add(who.username, written, actor=ACTOR, now=at(on), **options)

    async def credit(
        self, number: str, *asked: Asked, on: date = JAN, why: str = "Gangguan", key: str | None = None
    ) -> Mapping[str, Any]:
        return await self.correcting.credit(number, asked, why=why, actor=ACTOR, now=at(on, 12), idempotency_key=key)

    async def write_off(
        self, number: str, amount_minor: int | None = None, on: date = JAN, key: str | None = None
    ) -> Mapping[str, Any]:
        return await self.correcting.write_off(
            number, amount_minor, why="Pindah", actor=ACTOR, now=at(on, 12), idempotency_key=key
        )

    async def take_write_off_back(self, number: str, key: str | None = None) -> Mapping[str, Any]:
        return await self.correcting.take_write_off_back(
            number, why="Bayar juga", actor=ACTOR, now=at(JAN, 13), idempotency_key=key
        )

    async def document(self, reference: str) -> InvoiceDocument:
        async with self.database.read() as work:
            (found,) = await work.corrections.found(reference)
            return found

    async def accounts(self) -> dict[str, int]:
        """Return what stands on each account that anything stands on."""
        async with self.database.read() as work:
            rows = await work.connection.execute(select(accounts.c.code, accounts.c.balance_minor))
            return {row.code: row.balance_minor for row in rows if row.balance_minor}
