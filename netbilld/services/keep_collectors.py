"""Collectors (penagih): the cash they take is theirs to answer for until it is counted and handed over (setoran)."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.chart import CASH_DIFFERENCE, cash
from netbilld.billing.chart import collector as collector_account
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.payment import payment_method, reason_text
from netbilld.billing.postings import money_moved
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.periods import local_date
from netbilld.ports.changes import Changes
from netbilld.services.idempotency import Idempotency, digest

VERB: Final = "collector handover"
NO_PIECES: Final[Mapping[str, int]] = MappingProxyType({})
_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,31}")


@dataclass(frozen=True, slots=True)
class Collector:
    """A collector, and what they hold.

    Attributes:
        staff: the member of staff or user of the command line that they are: cash recorded by them is theirs.
        payments: taken since the last hand-over.
    """

    name: str
    full_name: str
    staff: str | None
    status: str  # active, ended
    held_minor: int
    currency: str | None
    payments: int
    handed_over_at: datetime | None


@dataclass(frozen=True, slots=True)
class Handover:
    """Cash counted and handed over.

    Attributes:
        held_minor: what the collector held by the books.
        counted_minor: what was there.
        booked_minor: what was booked as short (above zero) or over (below); a difference that was not stays with the
            collector.
        method: the cash that it went to.
    """

    id: int
    collector: str
    currency: str
    held_minor: int
    counted_minor: int
    booked_minor: int
    method: str
    handed_on: date
    recorded_at: datetime
    actor: str
    reason: str

    @property
    def difference_minor(self) -> int:
        """Return what was missing; below zero where there was too much."""
        return self.held_minor - self.counted_minor

    @property
    def left_minor(self) -> int:
        """Return what the collector holds after it."""
        return self.held_minor - self.counted_minor - self.booked_minor


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody to visit: what they owe, and since when."""

    subscriber_id: UUID
    number: str
    name: str
    phone: str | None
    address: str | None
    area: str | None
    owed_minor: int
    currency: str
    due_on: date  # of the oldest open invoice
    invoices: int


@dataclass(frozen=True, slots=True)
class Missing:
    """What a collector's hand-overs of the last 90 days have lacked.

    Attributes:
        handovers: how many there were; short: in how many something was missing that was not missing before.
        short_minor: what was missing in all, booked or not; what stayed with them from one to the next counts once.
    """

    handovers: int
    short: int
    short_minor: int


class Collectors(Protocol):
    async def add(self, name: str, full_name: str, staff: str | None, at: datetime) -> bool: ...
    async def set_status(self, name: str, status: str) -> None: ...
    async def held(self, name: str, currency: str, *, lock: bool = False) -> int: ...
    async def is_known(self, name: str) -> bool: ...
    async def sign(self, handover_id: int, pieces: Mapping[str, int], signed_by: str) -> None: ...
    async def add_handover(self, handover: Handover) -> int: ...
    async def handover(self, handover_id: int) -> Handover: ...


class Ledger(Protocol):
    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: date, actor: Actor
    ) -> list[int]: ...


class Work(Protocol):
    @property
    def collectors(self) -> Collectors: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def changes(self) -> Changes: ...
    @property
    def idempotency(self) -> Idempotency: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


def collector_name(text: str) -> str:
    """Return a collector's name as it is stored: one word in lower case.

    Raises:
        InvalidInputError: it is not.
    """
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"collector {text!r}: write one word of letters and digits, such as asep")
    return name


class KeepCollectors:
    """Makes collectors known, and takes what they hand over."""

    def __init__(self, store: Store, *, timezone: str, currency: str) -> None:
        self._store, self._timezone, self._currency = store, timezone, currency

    async def add(
        self, name: str, full_name: str | None, *, actor: Actor, now: datetime, staff: str | None = None
    ) -> None:
        """Make a collector known.

        Args:
            name: one word.
            full_name: as a person reads it.
            actor: who says so.
            now: when.
            staff: the member of staff (or user of the command line) that they are: cash recorded by them is theirs.

        Raises:
            RefusedError: the name is taken, or the member of staff is another.
        """
        name = collector_name(name)
        async with self._store.write() as work:
            if not await work.collectors.add(name, (full_name or name).strip()[:200], staff, now):
                raise RefusedError(f"collector {name}, or {staff or 'they'}, is known already", code="collector_known")
            details = {"full_name": full_name, "staff": staff}
            await work.changes.record(actor, now, "collector.add", "collector", name, details)

    async def set_active(self, name: str, active: bool, *, actor: Actor, now: datetime) -> None:
        """Let a collector take cash, or no more; what they hold stays theirs to hand over.

        Raises:
            RefusedError: nobody has that name.
        """
        name = collector_name(name)
        async with self._store.write() as work:
            await self._known(work, name)
            await work.collectors.set_status(name, "active" if active else "ended")
            await work.changes.record(actor, now, "collector.set", "collector", name, {"active": active})

    async def hand_over(
        self,
        name: str,
        counted_minor: int,
        *,
        actor: Actor,
        now: datetime,
        method: str = "cash",
        book_difference: str | None = None,
        signed_by: str = "",
        pieces: Mapping[str, int] = NO_PIECES,
        seen_minor: int | None = None,
        idempotency_key: str | None = None,
    ) -> Handover:
        """Take what a collector hands over, counted, into the office's cash.

        What is missing or too much stays on the collector's account, unless a reason is given to book it: then it is
        an expense (or, too much, less of one) and the collector holds nothing.

        Args:
            name: the collector's.
            counted_minor: what was there, 0 or more.
            actor: who counted.
            now: when.
            method: the cash it goes to.
            book_difference: why a difference is booked.
            signed_by: the name that the collector signs with; empty where it was not signed for.
            pieces: how many notes and coins were counted, by their value.
            seen_minor: what they held when it was counted; refused where that is not so any more. None asks nothing.
            idempotency_key: of the request.

        Raises:
            RefusedError: nobody has that name, there is nothing to hand over, or they hold something else by now.
        """
        name, method, today = collector_name(name), payment_method(method), local_date(now, self._timezone)
        reason = reason_text(book_difference) if book_difference is not None else ""
        if not 0 <= counted_minor < 10**12:
            raise RefusedError(f"{counted_minor} can't have been counted", code="bad_amount")
        async with self._store.write() as work:
            if idempotency_key:
                asked = digest({"name": name, "counted": counted_minor, "method": method, "reason": reason})
                done = await work.idempotency.claim(idempotency_key, VERB, asked, now)
                if done is not None:
                    return await work.collectors.handover(done["id"])
            await self._known(work, name)
            held_minor = await work.collectors.held(name, self._currency, lock=True)
            if seen_minor is not None and seen_minor != held_minor:
                raise RefusedError(f"collector {name} holds {held_minor}, not {seen_minor}", code="held_changed")
            booked_minor = held_minor - counted_minor if reason else 0
            if not counted_minor and not booked_minor:
                raise RefusedError(f"collector {name} has nothing to hand over", code="bad_amount")
            handover = Handover(
                id=0,
                collector=name,
                currency=self._currency,
                held_minor=held_minor,
                counted_minor=counted_minor,
                booked_minor=booked_minor,
                method=method,
                handed_on=today,
                recorded_at=now,
                actor=actor.name,
                reason=reason,
            )
            number = await work.collectors.add_handover(handover)
            if signed_by:
                await work.collectors.sign(number, dict(pieces), signed_by)
            entries = []
            if counted_minor:
                entries.append(self._counted(number, counted_minor, method, name))
            if booked_minor:
                entries.append(self._difference(number, booked_minor, name, reason))
            await work.ledger.post_many(entries, at=now, booked_on=today, actor=actor)
            details = {
                "counted": counted_minor,
                "held": held_minor,
                "booked": booked_minor,
                "method": method,
                **({"signed_by": signed_by} if signed_by else {}),
            }
            await work.changes.record(actor, now, "collector.handover", "collector", name, details)
            if idempotency_key:
                await work.idempotency.complete(idempotency_key, VERB, {"id": number})
            return replace(handover, id=number)

    def _counted(self, number: int, counted_minor: int, method: str, name: str) -> LedgerEntry:
        return money_moved(
            "cash_handed_over",
            str(number),
            self._currency,
            to=cash(method),
            out_of=collector_account(name),
            amount_minor=counted_minor,
            memo=f"Setoran {name}",
        )

    def _difference(self, number: int, booked_minor: int, name: str, reason: str) -> LedgerEntry:
        short, over = CASH_DIFFERENCE, collector_account(name)
        return money_moved(
            "cash_difference",
            str(number),
            self._currency,
            to=short if booked_minor > 0 else over,
            out_of=over if booked_minor > 0 else short,
            amount_minor=abs(booked_minor),
            memo=f"Selisih setoran {name}: {reason}",
        )

    async def _known(self, work: Work, name: str) -> None:
        if not await work.collectors.is_known(name):
            raise RefusedError(f"no collector {name!r}", hint="`netbilld collector list` shows them")
