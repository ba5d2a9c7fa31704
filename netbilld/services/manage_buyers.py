"""What invoices and fakturs say of a subscriber: tax id, NIK, purchase order, and how a sale is reported."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.buyer import (
    HEAD_OFFICE,
    Buyer,
    BuyerKind,
    FakturKind,
    masked_nik,
    parse_branch,
    parse_nik,
    parse_tax_id,
    parse_trx_code,
)
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.subscriber import Subscriber
from netbilld.ports.changes import Changes
from netbilld.services.find_subscriber import Subscribers, find_subscriber
from netbilld.services.subscriber_fields import optional_text

_NIK_PURPOSE: Final = "buyer.nik"


class Buyers(Protocol):
    async def of(self, subscriber_ids: Iterable[UUID]) -> dict[UUID, Buyer]: ...
    async def save(self, subscriber_id: UUID, fields: Mapping[str, Any], now: datetime) -> None: ...
    async def niks(self, subscriber_ids: Iterable[UUID]) -> dict[UUID, bytes]: ...
    async def with_nik_key(self, nik_key: str) -> list[str]: ...


class Work(Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def buyers(self) -> Buyers: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Box(Protocol):
    def seal(self, clear: bytes, place: str) -> bytes: ...
    def open(self, sealed: bytes, place: str) -> bytes: ...
    def keyed_digest(self, purpose: str, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class BuyerChanges:
    """What to set, as written; None leaves a field as it is, empty text clears it."""

    kind: str | None = None
    name: str | None = None
    address: str | None = None
    tax_id: str | None = None
    branch: str | None = None
    nik: str | None = field(default=None, repr=False)
    po_number: str | None = None
    faktur: str | None = None
    trx_code: str | None = None
    withholds_pph23: bool | None = None
    exempt: bool | None = None


class ManageBuyers:
    """Each change is one transaction with its line in the audit trail; a NIK is never in that line."""

    def __init__(self, store: Store, box: Box) -> None:
        self._store, self._box = store, box

    async def set(self, name: str, wanted: BuyerChanges, actor: Actor, now: datetime) -> list[str]:
        """Change what is known of a subscriber as a buyer; return the names of what did change.

        Issued documents keep what they say.

        Args:
            name: any user name of the subscriber, or the number.
            wanted: what to set.
            actor: who.
            now: when.

        Raises:
            InvalidInputError: a field is wrong.
            NotFoundError: nobody has that name.
            RefusedError: a person's tax id is a NIK, which is kept sealed.
        """
        columns = _columns(wanted)
        nik = parse_nik(wanted.nik) if wanted.nik else None
        async with self._store.write() as work:
            subscriber = await find_subscriber(work, name)
            known = (await work.buyers.of([subscriber.id])).get(subscriber.id) or Buyer(subscriber.id)
            kind = columns.get("kind", known.kind.value)
            tax_id = columns.get("tax_id", known.tax_id)
            if kind == BuyerKind.PERSON.value and tax_id and not str(tax_id).startswith("0"):
                raise RefusedError(
                    "a person's 16 digits are a NIK, which is kept sealed",
                    hint="give it with --nik-stdin, or say --buyer company",
                    code="nik_as_tax_id",
                )
            before = _stored(known)
            changes = {key: value for key, value in columns.items() if value != before[key]}
            told: dict[str, Any] = {key: [before[key], value] for key, value in changes.items()}
            if wanted.nik is not None:
                masked = masked_nik(nik) if nik else None
                changes |= {
                    "nik_sealed": self._box.seal(nik.encode(), nik_place(subscriber.id)) if nik else None,
                    "nik_key": self._nik_key(nik) if nik else None,
                    "nik_masked": masked,
                }
                told["nik"] = [known.nik_masked, masked]
            if changes:
                await work.buyers.save(subscriber.id, changes, now)
                details = {"subscriber_no": subscriber.number, "fields": told}
                await work.changes.record(actor, now, "buyer.set", "subscriber", subscriber.id, details)
        return sorted(told)

    async def of_number(self, number: str) -> tuple[Subscriber, Buyer | None] | None:
        """Return the subscriber of a number with what is known of them as a buyer; None where there is none."""
        async with self._store.read() as work:
            subscriber = await work.subscribers.by_number(number)
            if subscriber is None:
                return None
            return subscriber, (await work.buyers.of([subscriber.id])).get(subscriber.id)

    async def reveal_nik(self, name: str, why: str, actor: Actor, now: datetime) -> str:
        """Return a subscriber's NIK by any user name of theirs or the number; see reveal_nik_of."""
        async with self._store.write() as work:
            return await self._reveal(work, await find_subscriber(work, name), why, actor, now)

    async def reveal_nik_of(self, number: str, why: str, actor: Actor, now: datetime) -> str:
        """Return the NIK of a subscriber number and of nothing that looks like one; who has seen it and why is kept.

        Raises:
            InvalidInputError: no reason is given, or a longer one than is kept.
            NotFoundError: nobody has that number, or no NIK is known.
        """
        async with self._store.write() as work:
            subscriber = await work.subscribers.by_number(number, lock=True)
            if subscriber is None:
                raise NotFoundError(f"no subscriber {number}")
            return await self._reveal(work, subscriber, why, actor, now)

    async def _reveal(self, work: Work, subscriber: Subscriber, why: str, actor: Actor, now: datetime) -> str:
        reason = optional_text("why", why, 200)
        if not reason:
            raise InvalidInputError("say why the NIK is looked at", hint="--why TEXT")
        sealed = (await work.buyers.niks([subscriber.id])).get(subscriber.id)
        if sealed is None:
            raise NotFoundError(f"no NIK of subscriber {subscriber.number} is known")
        details = {"subscriber_no": subscriber.number, "why": reason}
        await work.changes.record(actor, now, "buyer.nik.reveal", "subscriber", subscriber.id, details)
        return self._box.open(sealed, nik_place(subscriber.id)).decode()

    async def find_by_nik(self, text: str) -> list[str]:
        """Return the numbers of the subscribers with a NIK; it is found by a keyed hash, nothing is opened."""
        async with self._store.read() as work:
            return await work.buyers.with_nik_key(self._nik_key(parse_nik(text)))

    def _nik_key(self, nik: str) -> str:
        return self._box.keyed_digest(_NIK_PURPOSE, nik.encode()).hex()


def nik_place(subscriber_id: UUID) -> str:
    """Return where a sealed NIK belongs."""
    return f"buyer.nik:{subscriber_id}"


def buyer_document(buyer: Buyer | None) -> dict[str, Any] | None:
    """Return what is known of a buyer, for JSON; None where it is no more than of any person."""
    if buyer is None:
        return None
    return {**_stored(buyer), "nik": buyer.nik_masked}


def _stored(buyer: Buyer) -> dict[str, Any]:
    return {
        "kind": buyer.kind.value,
        "name": buyer.name,
        "address": buyer.address,
        "tax_id": buyer.tax_id,
        "branch": buyer.branch,
        "po_number": buyer.po_number,
        "faktur": buyer.faktur.value if buyer.faktur else None,
        "trx_code": buyer.trx_code,
        "withholds_pph23": buyer.withholds_pph23,
        "exempt": buyer.exempt,
    }


def _columns(wanted: BuyerChanges) -> dict[str, Any]:
    """Return the columns that a change names, checked."""
    columns: dict[str, Any] = {}
    if wanted.kind is not None:
        columns["kind"] = _one_of("buyer", wanted.kind, BuyerKind).value
    if wanted.name is not None:
        columns["name"] = optional_text("invoice name", wanted.name, 200)
    if wanted.address is not None:
        columns["address"] = optional_text("invoice address", wanted.address, 500)
    if wanted.tax_id is not None:
        columns["tax_id"] = parse_tax_id(wanted.tax_id) if wanted.tax_id else None
    if wanted.branch is not None:
        columns["branch"] = parse_branch(wanted.branch) if wanted.branch else HEAD_OFFICE
    if wanted.po_number is not None:
        columns["po_number"] = optional_text("purchase order", wanted.po_number, 60)
    if wanted.faktur is not None:
        columns["faktur"] = _one_of("faktur", wanted.faktur, FakturKind).value if wanted.faktur else None
    if wanted.trx_code is not None:
        columns["trx_code"] = parse_trx_code(wanted.trx_code) if wanted.trx_code else None
    if wanted.withholds_pph23 is not None:
        columns["withholds_pph23"] = wanted.withholds_pph23
    if wanted.exempt is not None:
        columns["exempt"] = wanted.exempt
    return columns


def _one_of(what: str, text: str, kinds: type[BuyerKind] | type[FakturKind]) -> BuyerKind | FakturKind:
    try:
        return kinds(text.strip().lower())
    except ValueError:
        allowed = ", ".join(kind.value for kind in kinds)
        raise InvalidInputError(f"{what} {text!r}: allowed are {allowed}") from None
