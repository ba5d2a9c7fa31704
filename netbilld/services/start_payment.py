"""A payment by a gateway begins: on record first, then made at the gateway, then shown to whoever pays."""

import base64
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.gateway import GatewayState
from netbilld.billing.invoice import Invoice
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.subscriber import Subscriber
from netbilld.ports.changes import Changes
from netbilld.ports.gateway_records import Attempt, Attempts
from netbilld.ports.gateways import Charge, Gateway, GatewayAwayError, GatewayRefusedError
from netbilld.services.follow_gateways import FIRST_LOOK, next_look_at

CURRENCY: Final = "IDR"  # of every gateway that there is a driver of
LEAST_MINOR: Final = 1_000
LARGEST_MINOR: Final = 100_000_000
_STILL_OPEN: Final = timedelta(minutes=2)  # an attempt that ends sooner is not shown again
_BEING_MADE: Final = timedelta(seconds=20)  # longer than a gateway is waited for
_AN_HOUR: Final = timedelta(hours=1)
_MOST_AN_HOUR: Final = 12


def payable(lacking_minor: int) -> int:
    """Return the least that can be paid by a gateway where so much is lacking; 0 where nothing is."""
    return max(lacking_minor, LEAST_MINOR) if lacking_minor > 0 else 0


class Subscribers(Protocol):
    async def by_id(self, subscriber_id: UUID) -> Subscriber | None: ...


class Invoices(Protocol):
    async def lock_subscribers(self, subscriber_ids: Sequence[UUID]) -> None: ...
    async def open_of(self, subscriber_id: UUID) -> list[Invoice]: ...


class Work(Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def gateways(self) -> Attempts: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to pay.

    Attributes:
        invoice_id: the invoice that comes first; None for oldest due first, the rest to the wallet.
        way: `<gateway>:<method>`, as `ways` gives them.
    """

    subscriber_id: UUID
    invoice_id: UUID | None
    amount_minor: int
    way: str


@dataclass(frozen=True, slots=True)
class Way:
    """A way to pay that is offered."""

    gateway: str
    method: str

    @property
    def word(self) -> str:
        return f"{self.gateway}:{self.method}"


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays and for what, as far as a gateway is told."""

    id: str
    name: str
    text: str
    email: str = ""
    phone: str = ""


class StartPayment:
    """Begins payments."""

    def __init__(
        self,
        store: Store,
        gateways: Sequence[Gateway],
        entropy: Callable[[int], bytes],
        *,
        business_name: str,
        qris_life: timedelta = timedelta(hours=1),
        life: timedelta = timedelta(hours=24),
    ) -> None:
        self._store, self._entropy, self._business_name = store, entropy, business_name
        self._gateways = {one.name: one for one in gateways}
        self._qris_life, self._life = qris_life, life

    @property
    def ways(self) -> list[Way]:
        """Return every way to pay, each method by the first gateway that has it."""
        found: dict[str, Way] = {}
        for gateway in self._gateways.values():
            for method in gateway.methods:
                found.setdefault(method if method != "page" else f"page {gateway.name}", Way(gateway.name, method))
        return list(found.values())

    async def run(self, asked: Asked, *, public_url: str, back_url: str, actor: Actor, now: datetime) -> Attempt:
        """Return a payment that can be paid: the one that is open already, or a new one.

        Args:
            asked: what is to be paid.
            public_url: where the gateway reaches us.
            back_url: where the payer's browser goes afterwards.
            actor: who.
            now: when.

        Raises:
            RefusedError: no such way, an amount that can't be, or too many were begun.
            GatewayRefusedError: the gateway says no.
            GatewayAwayError: the gateway can't be reached; what it made nobody knows, and it is asked later.
        """
        way = self.way(asked.way)
        if not LEAST_MINOR <= asked.amount_minor <= LARGEST_MINOR:
            raise RefusedError(
                f"{asked.amount_minor} can't be paid here: {LEAST_MINOR} to {LARGEST_MINOR}", code="bad_pay_amount"
            )
        attempt, payer = await self._on_record(asked, way, actor, now)
        if payer is None:  # made already, or the first of two clicks is still asking the gateway
            return attempt
        return await self.make(
            attempt, payer, public_url=public_url, back_url=back_url.replace("{ref}", attempt.ref), now=now
        )

    def way(self, word: str) -> Way:
        """Return the way to pay of that word.

        Raises:
            RefusedError: there is none.
        """
        way = next((one for one in self.ways if one.word == word), None)
        if way is None:
            raise RefusedError("there is no such way to pay", code="no_such_method")
        return way

    def attempt(
        self, whose: str, way: Way, amount_minor: int, currency: str, now: datetime, *, of: UUID | None = None
    ) -> Attempt:
        """Return a new attempt, to be put on record before the gateway is asked for it.

        Args:
            whose: what its name begins with: a subscriber's number.
            way: to pay.
            amount_minor: how much.
            currency: of it.
            now: when.
            of: the subscriber; None for nobody's.
        """
        return Attempt(
            ref=f"{whose}-{base64.b32encode(self._entropy(10)).decode()[:12]}",
            gateway=way.gateway,
            method=way.method,
            subscriber_id=of,
            invoice_id=None,
            amount_minor=amount_minor,
            currency=currency,
            state=GatewayState.CREATED,
            created_at=now,
            expires_at=now + (self._qris_life if way.method == "qris" else self._life),
            next_look_at=now + FIRST_LOOK,
        )

    async def make(self, attempt: Attempt, payer: Payer, *, public_url: str, back_url: str, now: datetime) -> Attempt:
        """Have the gateway make a payment that is on record, and return how it is paid.

        Raises:
            GatewayRefusedError: the gateway says no.
            GatewayAwayError: the gateway can't be reached; what it made nobody knows, and it is asked later.
        """
        gateway = self._gateways[attempt.gateway]
        charge = Charge(
            ref=attempt.ref,
            amount_minor=attempt.amount_minor,
            currency=attempt.currency,
            method=attempt.method,
            made_at=now,
            expires_at=attempt.expires_at,
            text=payer.text,
            payer_id=payer.id,
            payer_name=payer.name,
            payer_email=payer.email,
            payer_phone=payer.phone,
            return_url=back_url,
            callback_url=f"{public_url}/hook/{gateway.name}" if public_url.startswith("https://") else "",
        )
        try:
            made = await gateway.create(charge)
        except GatewayRefusedError as error:
            async with self._store.write() as work:
                await work.gateways.said(attempt.ref, GatewayState.FAILED, "refused", None, by_callback=False)
                await work.gateways.looked(attempt.ref, attempt.looks, None, str(error))
            raise
        except GatewayAwayError as error:
            async with self._store.write() as work:
                await work.gateways.looked(attempt.ref, attempt.looks, now + FIRST_LOOK, str(error))
            raise
        shown = replace(attempt, expires_at=min(attempt.expires_at, made.expires_at or attempt.expires_at))
        made = replace(made, expires_at=shown.expires_at)
        async with self._store.write() as work:
            await work.gateways.made(attempt.ref, made, next_look_at(shown, now))
            found = await work.gateways.find(attempt.ref)
        assert found is not None, "an attempt stays"  # noqa: S101
        return found

    async def _on_record(self, asked: Asked, way: Way, actor: Actor, now: datetime) -> tuple[Attempt, Payer | None]:
        """Return the attempt, and who pays where it was begun just now."""
        async with self._store.write() as work:
            await work.invoices.lock_subscribers([asked.subscriber_id])  # two clicks come one after the other
            subscriber = await work.subscribers.by_id(asked.subscriber_id)
            if subscriber is None:
                raise RefusedError("there is no such subscriber")
            if subscriber.currency != CURRENCY:
                raise RefusedError(f"gateways take {CURRENCY}, not {subscriber.currency}", code="no_such_method")
            number = None
            if asked.invoice_id is not None:
                open_now = {one.id: one for one in await work.invoices.open_of(asked.subscriber_id)}
                if asked.invoice_id not in open_now:
                    raise RefusedError("nothing is open on that invoice", code="nothing_open")
                number = open_now[asked.invoice_id].number
            earlier = await work.gateways.like(
                asked.subscriber_id,
                way.gateway,
                way.method,
                asked.amount_minor,
                asked.invoice_id,
                now + _STILL_OPEN,
            )
            if earlier is not None and (earlier.is_made or now - earlier.created_at < _BEING_MADE):
                return earlier, None
            if await work.gateways.begun_since(asked.subscriber_id, now - _AN_HOUR) >= _MOST_AN_HOUR:
                raise RefusedError("too many payments were begun; use one of them, or wait an hour", code="too_many")
            attempt = replace(
                self.attempt(subscriber.number, way, asked.amount_minor, subscriber.currency, now, of=subscriber.id),
                invoice_id=asked.invoice_id,
            )
            await work.gateways.add(attempt)
            details = {"amount": attempt.amount_minor, "gateway": way.gateway, "method": way.method}
            await work.changes.record(actor, now, "gateway.begin", "gateway_attempt", attempt.ref, details)
        return attempt, Payer(
            id=subscriber.number,
            name=subscriber.name,
            text=f"Internet {number or subscriber.number} {self._business_name}"[:100],
            email=subscriber.email or "",
            phone=subscriber.phone or "",
        )
