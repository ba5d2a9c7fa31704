"""MakeVouchers: a batch of codes from entropy, sealed, in one transaction."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import plan_from_definition
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.model.subscriber import password_place
from netbilld.model.voucher import (
    Batch,
    CodeKind,
    ValidFrom,
    check_codes,
    code_place,
    make_codes,
)
from netbilld.ports.changes import Changes
from netbilld.services.idempotency import Idempotency, digest
from netbilld.services.subscriber_fields import clean_text

VERB: Final = "voucher generate"
PURPOSE: Final = "voucher code"  # of the digest that a code is found by
_SERIES: Final = "voucher_batch"
_PASSWORD_LENGTH: Final = 6
_A_TURN: Final = 250  # codes sealed before other work gets its turn
_MOST_MINOR: Final = 10**10
LEAST_ONLINE_MINOR: Final = 1_000  # what StartPayment takes
_FARTHEST: Final = timedelta(days=73_050)  # the last instants that there are have no local time


class Box(Protocol):
    """Seals codes, and digests them so that only who has the key can look for one."""

    def seal(self, clear: bytes, place: str) -> bytes: ...
    def keyed_digest(self, purpose: str, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class MadeVoucher:
    """A code as it is stored."""

    id: UUID
    position: int
    lookup: bytes
    code_sealed: bytes = field(repr=False)
    password_sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What is asked for; None takes what the plan or the kind of code says.

    Attributes:
        length: of a code without its prefix.
        has_password: beside each code a password of its own.
        is_only_sold: it works only once its sale is on record; always so where validity begins with the sale.
        agent_price_minor: None is the price.
        is_online: they are sold in the captive portal; then none need be made now.
    """

    plan: str
    count: int
    name: str = ""
    kind: CodeKind = CodeKind.MIXED
    length: int | None = None
    prefix: str = ""
    has_password: bool = False
    validity_seconds: int | None = None
    valid_from: ValidFrom = ValidFrom.FIRST_USE
    is_only_sold: bool = False
    use_by_at: datetime | None = None
    price_minor: int | None = None
    agent_price_minor: int | None = None
    is_online: bool = False


class PlanVersion(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def code(self) -> str: ...
    @property
    def on_sale(self) -> bool: ...
    @property
    def definition(self) -> Mapping[str, Any]: ...


class Plans(Protocol):
    async def by_code(self, code: str) -> PlanVersion | None: ...


class Vouchers(Protocol):
    async def taken(self, lookups: Collection[bytes], name_keys: Collection[str]) -> tuple[set[bytes], set[str]]: ...
    async def add(self, batch: Batch, made: Sequence[MadeVoucher]) -> None: ...
    async def batch(self, number: int) -> Batch: ...


class Numbers(Protocol):
    async def take_numbers(self, series: str, count: int) -> int: ...


class Work(Protocol):
    @property
    def plans(self) -> Plans: ...
    @property
    def vouchers(self) -> Vouchers: ...
    @property
    def invoices(self) -> Numbers: ...
    @property
    def changes(self) -> Changes: ...
    @property
    def idempotency(self) -> Idempotency: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class Digests(Protocol):
    """Digests a code with our key."""

    def keyed_digest(self, purpose: str, data: bytes) -> bytes: ...


def lookup(box: Digests, code: str) -> bytes:
    """Return by what a code is found in the store: its digest with our key."""
    return box.keyed_digest(PURPOSE, code.encode())[:16]


class MakeVouchers:
    """Makes one batch at a time."""

    def __init__(
        self, store: Store, box: Box, *, timezone: str, currency: str, entropy: Callable[[int], bytes]
    ) -> None:
        """Take where they are kept, what seals them, and unpredictable octets."""
        self._store, self._box, self._entropy = store, box, entropy
        self._timezone, self._currency = timezone, currency

    async def run(self, new: NewBatch, *, actor: Actor, now: datetime, idempotency_key: str | None = None) -> Batch:
        """Make a batch and return it; the same key again returns the same batch.

        Raises:
            NotFoundError: there is no such plan.
            InvalidInputError: codes that could be guessed, no validity, a price that can't be; `code` says which.
        """
        length = new.length if new.length is not None else new.kind.usual_length
        prefix = new.prefix.strip().upper()
        if not (new.is_online and new.count == 0):
            check_codes(new.kind, length, prefix, new.count)
        async with self._store.read() as work:
            batch = await self._batch(work, new, actor, now)
        made = await self._made(new, length, prefix)
        async with self._store.write() as work:
            if idempotency_key:
                use_by = new.use_by_at.isoformat() if new.use_by_at else None
                asked = digest({**asdict(new), "use_by_at": use_by})
                done = await work.idempotency.claim(idempotency_key, VERB, asked, now)
                if done is not None:
                    return await work.vouchers.batch(int(done["number"]))
            kept = await self._untaken(work, made, new, length, prefix)
            number = await work.invoices.take_numbers(_SERIES, 1)
            batch = replace(batch, number=number)
            await work.vouchers.add(batch, kept)
            details = {
                "number": batch.label,
                "plan": batch.plan,
                "count": batch.count,
                "price": batch.price_minor,
                "agent_price": batch.agent_price_minor,
            }
            await work.changes.record(actor, now, "voucher.generate", "voucher_batch", batch.id, details)
            if idempotency_key:
                await work.idempotency.complete(idempotency_key, VERB, {"number": number})
        return batch

    async def _batch(self, work: Work, new: NewBatch, actor: Actor, now: datetime) -> Batch:
        version = await work.plans.by_code(new.plan)
        if version is None:
            raise NotFoundError(f"no plan {new.plan!r}", hint="`netbilld plan list` shows them")
        plan = plan_from_definition(version.definition)
        price_minor = _price(plan, new.price_minor, self._currency)
        agent_minor = price_minor if new.agent_price_minor is None else new.agent_price_minor
        if not 0 <= agent_minor <= price_minor:
            raise InvalidInputError(
                f"an agent pays {agent_minor}: that is not between 0 and the price {price_minor}",
                code="bad_agent_price",
            )
        if new.use_by_at is not None and not now < new.use_by_at <= now + _FARTHEST:
            raise InvalidInputError("the last day to begin is over, or too far away", code="bad_use_by")
        batch = Batch(
            id=uuid4(),
            number=0,
            name=clean_text("name", new.name, 200),
            plan_version_id=version.id,
            plan=version.code,
            count=new.count,
            code_kind=new.kind,
            has_password=new.has_password,
            validity_seconds=_validity(plan, new.validity_seconds),
            valid_from=new.valid_from,
            is_only_sold=new.is_only_sold or new.is_online or new.valid_from is ValidFrom.SALE,
            use_by_at=new.use_by_at,
            price_minor=price_minor,
            agent_price_minor=agent_minor,
            currency=self._currency,
            timezone=self._timezone,
            created_at=now,
            actor=actor.name,
            is_online=new.is_online,
        )
        check_online(batch)
        return batch

    async def _made(self, new: NewBatch, length: int, prefix: str) -> list[tuple[str, MadeVoucher]]:
        codes = make_codes(new.kind, length, prefix, new.count, self._entropy)
        return await self._sealed(codes, new, first=1)

    async def _sealed(self, codes: Sequence[str], new: NewBatch, first: int) -> list[tuple[str, MadeVoucher]]:
        passwords: Sequence[str] = ()
        if new.has_password:
            kind = CodeKind.DIGITS
            letters = make_codes(kind, _PASSWORD_LENGTH * len(codes), "", 1, self._entropy)[0]
            passwords = [letters[at : at + _PASSWORD_LENGTH] for at in range(0, len(letters), _PASSWORD_LENGTH)]
        made = []
        for index, code in enumerate(codes):
            voucher_id = uuid4()
            sealed = self._box.seal(code.encode(), code_place(voucher_id))
            own = self._box.seal(passwords[index].encode(), password_place(voucher_id)) if passwords else None
            made.append((code, MadeVoucher(voucher_id, first + index, lookup(self._box, code), sealed, own)))
            if index % _A_TURN == _A_TURN - 1:
                await asyncio.sleep(0)
        return made

    async def _untaken(
        self, work: Work, made: list[tuple[str, MadeVoucher]], new: NewBatch, length: int, prefix: str
    ) -> list[MadeVoucher]:
        """Return what was made with others in the place of codes that are somebody's already."""
        mine = {code for code, _ in made}
        while True:
            digests, names = await work.vouchers.taken(
                [one.lookup for _, one in made], [code.casefold() for code, _ in made]
            )
            if not digests and not names:
                return [one for _, one in made]
            for at, (code, one) in enumerate(made):
                if one.lookup in digests or code.casefold() in names:
                    other = make_codes(new.kind, length, prefix, 1, self._entropy, mine)
                    mine.update(other)
                    made[at] = (await self._sealed(other, new, first=one.position))[0]


def check_online(batch: Batch) -> None:
    """Do nothing where vouchers of a batch can be sold in the captive portal, or are not to be.

    Raises:
        InvalidInputError: they cost less than a gateway takes, or have passwords, which nobody is shown there.
    """
    if batch.is_online and batch.price_minor < LEAST_ONLINE_MINOR:
        raise InvalidInputError(f"a gateway takes no less than {LEAST_ONLINE_MINOR}", code="price_too_low")
    if batch.is_online and batch.has_password:
        raise InvalidInputError("what is bought in the portal is a code alone", code="online_password")


def _price(plan: Plan, asked_minor: int | None, currency: str) -> int:
    if plan.currency != currency:
        raise InvalidInputError(f"plan {plan.code} is in {plan.currency}, vouchers are sold in {currency}")
    price_minor = asked_minor
    if price_minor is None and plan.recurring is not None:
        price_minor = plan.recurring.price_minor
    if price_minor is None:
        raise InvalidInputError(f"plan {plan.code} has no price of its own: give one", code="no_price")
    if not 0 <= price_minor <= _MOST_MINOR:
        raise InvalidInputError(f"a voucher can't cost {price_minor}", code="bad_price")
    return price_minor


def _validity(plan: Plan, asked_seconds: int | None) -> int:
    if asked_seconds is not None:
        return asked_seconds
    if plan.recurring is not None and plan.recurring.period_days is not None:
        return plan.recurring.period_days * 86_400
    raise InvalidInputError(f"say how long a voucher of {plan.code} is valid, such as 1d", code="no_validity")
