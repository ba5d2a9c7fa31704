"""A bank's statement as a CSV file: what came in is kept once, whatever file it is in; what can't be read is told."""

import asyncio
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from netbilld.billing.bank_mapping import PRESETS, BankMapping, mapping_from
from netbilld.billing.bank_statement import BadRow, BankRow, BankStatement
from netbilld.billing.payment import payment_method
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.model.periods import local_date
from netbilld.ports.changes import Changes
from netbilld.services.match_bank_rows import AutoMatch, Bank, MatchBankRows, Matched
from netbilld.services.match_bank_rows import Store as MatchStore
from netbilld.services.paying import NO_TAXES, PaymentTaxes

CHUNK: Final = 500  # rows in one transaction


class Mappings(Bank, Protocol):
    async def mapping(self, name: str) -> Mapping[str, Any] | None: ...
    async def keep_mapping(self, name: str, definition: Mapping[str, Any], at: datetime, by: str) -> None: ...


class Work(Protocol):
    @property
    def bank(self) -> Mappings: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class ImportedStatement:
    """What a file brought.

    Attributes:
        rows: transactions in it, good and bad.
        imported: new ones that came in.
        known: that came in and were on record.
        outgoing: that went out; they are no payments and not kept.
        rejected: that can't be understood.
        matched: of the new ones, those that became payments at once.
    """

    rows: int
    imported: int
    known: int
    outgoing: int
    rejected: int
    matched: Sequence[Matched]
    is_tolerant: bool


class ImportBankStatement:
    """Reads statements, and keeps how banks write them."""

    def __init__(
        self,
        store: Store,
        matching: MatchStore,
        *,
        timezone: str,
        currency: str,
        auto: AutoMatch,
        taxes: PaymentTaxes = NO_TAXES,
    ) -> None:
        self._store, self._timezone, self._currency, self._auto = store, timezone, currency, auto
        self._matching = MatchBankRows(matching, timezone=timezone, taxes=taxes)

    async def run(
        self,
        lines: Sequence[str],
        mapping: str,
        *,
        file_name: str,
        reject: Callable[[BadRow], None],
        actor: Actor,
        now: datetime,
        dry_run: bool = False,
    ) -> ImportedStatement:
        """Take in a file: good rows, and of each row of it only what is not on record.

        Args:
            lines: of the file.
            mapping: the name of how it is written.
            file_name: for what is said of it.
            reject: told every row that can't be understood.
            actor: who.
            now: when.
            dry_run: only tell.

        Raises:
            NotFoundError: there is no mapping of that name.
            InvalidInputError: the file has no headings as the mapping names them, or isn't CSV.
        """
        how = await self.mapping(mapping)
        today = local_date(now, self._timezone)
        # a large file takes a while to read, and others are served meanwhile
        rows = await asyncio.to_thread(lambda: list(BankStatement(lines, how, self._currency, today, file_name)))
        good: list[BankRow] = []
        outgoing = rejected = 0
        for row in rows:
            if isinstance(row, BadRow):
                rejected += 1
                reject(row)
            elif row.amount_minor < 0:
                outgoing += 1
            else:
                good.append(row)
        new: list[int] = []
        for start in range(0, 0 if dry_run else len(good), CHUNK):
            async with self._store.write() as work:
                added = await work.bank.add(
                    good[start : start + CHUNK],
                    account=how.account,
                    method=how.method,
                    currency=self._currency,
                    file_name=file_name[:200],
                    at=now,
                )
                if added:
                    details = {"file": file_name[:200], "rows": len(added), "account": how.account}
                    await work.changes.record(actor, now, "bank.import", "bank_row", added[0], details)
                new += added
        matched = await self._matching.match_all(new, self._auto, actor=actor, now=now)
        return ImportedStatement(
            rows=len(good) + outgoing + rejected,
            imported=len(good) if dry_run else len(new),
            known=0 if dry_run else len(good) - len(new),
            outgoing=outgoing,
            rejected=rejected,
            matched=matched,
            is_tolerant=how.is_tolerant,
        )

    async def mapping(self, name: str) -> BankMapping:
        """Return how a bank's files are written: one that was added, else a preset.

        Raises:
            NotFoundError: there is none of that name.
        """
        wanted = name.strip().lower()
        async with self._store.read() as work:
            definition = await work.bank.mapping(wanted) or PRESETS.get(wanted)
        if definition is None:
            raise NotFoundError(
                f"no mapping {name!r}",
                hint=f"presets: {', '.join(PRESETS)}; `netbilld bank mapping NAME FILE.toml` adds one",
            )
        return mapping_from(definition, wanted)

    async def add_mapping(self, name: str, text: str, file_name: str, *, actor: Actor, now: datetime) -> BankMapping:
        """Keep how a bank's files are written; the same name again replaces it.

        Raises:
            InvalidInputError: the file is no TOML, or a key is unknown, missing or wrong.
        """
        wanted = payment_method(name)  # of the same form
        try:
            definition = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InvalidInputError(f"{file_name}: not valid TOML: {error}") from None
        mapping = mapping_from(definition, file_name)
        payment_method(mapping.method)
        if len(mapping.account) > 20 or not mapping.account.isascii() or not mapping.account.isalnum():
            raise InvalidInputError(f"{file_name}: account: at most 20 letters and digits, such as bca1")
        async with self._store.write() as work:
            await work.bank.keep_mapping(wanted, definition, now, actor.name)
            await work.changes.record(actor, now, "bank.mapping", "bank_mapping", wanted, asdict(mapping))
        return mapping
