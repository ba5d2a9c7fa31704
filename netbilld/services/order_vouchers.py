"""OrderVouchers: who has no account buys a voucher in the captive portal, and sees its code once it is paid."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.voucher import Batch, Voucher
from netbilld.ports.changes import Changes
from netbilld.ports.gateway_records import Attempt, Attempts
from netbilld.ports.voucher_orders import OnlineOffer, Orders, VoucherOrder
from netbilld.services import open_vouchers
from netbilld.services.idempotency import Idempotency, digest
from netbilld.services.open_vouchers import OpenVoucher, opened
from netbilld.services.start_payment import CURRENCY, Payer, StartPayment, Way

VERB: Final = "voucher order"
WHOSE: Final = "VC"  # what the names of these payments begin with
LONGEST_TOKEN: Final = 60
_PURPOSE: Final = "voucher order"
_LETTERS: Final = 16  # of 5 bits each
_AN_HOUR: Final = timedelta(hours=1)
_MOST_OF_CLIENT: Final = 6  # in an hour
_MOST_OF_ROUTER: Final = 300
_MOST_AT_ALL: Final = 5_000
# A gateway is asked for three days after a payment has ended (FollowGateways); then nobody will have paid.
UNPAID_KEPT: Final = timedelta(days=7)
PAID_KEPT: Final = timedelta(days=2)
_AT_ONCE: Final = 500


class Vouchers(open_vouchers.Vouchers, Protocol):
    async def batch(self, number: int, *, lock: bool = False) -> Batch: ...
    async def batch_by_id(self, batch_id: UUID) -> Batch: ...
    async def of_sale(self, sale_id: UUID) -> Sequence[Voucher]: ...


class Work(Protocol):
    @property
    def vouchers(self) -> Vouchers: ...
    @property
    def voucher_orders(self) -> Orders: ...
    @property
    def gateways(self) -> Attempts: ...
    @property
    def changes(self) -> Changes: ...
    @property
    def idempotency(self) -> Idempotency: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class Box(open_vouchers.Opener, Protocol):
    """Opens codes, and marks the links of orders as ours."""

    def keyed_digest(self, purpose: str, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys, as far as that is known.

    Attributes:
        client: the address.
        router: scheme and host of the log-in page of the hotspot that they are behind.
        hotspot: what that page sent along.
    """

    client: str
    router: str
    hotspot: Mapping[str, str] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Bought:
    """An order as its buyer sees it.

    Attributes:
        voucher: with its code, once it is paid.
    """

    token: str
    order: VoucherOrder
    attempt: Attempt
    batch: Batch
    voucher: OpenVoucher | None


class OrderVouchers:
    """Takes orders and shows them.

    Args:
        store: where they are.
        box: opens codes, and makes links that nobody guesses.
        start: begins payments.
        business_name: what the payer's app shows beside the voucher.
    """

    def __init__(self, store: Store, box: Box, start: StartPayment, *, business_name: str) -> None:
        self._store, self._box, self._start, self._business_name = store, box, start, business_name

    @property
    def ways(self) -> list[Way]:
        """Return the ways to pay that are done at once: QRIS, wallets, and a gateway's own page."""
        return [one for one in self._start.ways if one.method in {"qris", "page"} or one.method.startswith("ewallet_")]

    async def offers(self, now: datetime) -> list[OnlineOffer]:
        """Return what can be bought."""
        if not self.ways:
            return []
        async with self._store.read() as work:
            return await work.voucher_orders.offers(now)

    async def begin(
        self,
        number: int,
        way: str,
        buyer: Buyer,
        *,
        once: str,
        public_url: str,
        actor: Actor,
        now: datetime,
    ) -> str:
        """Order a voucher of a batch, have its payment made, and return the token of the order.

        Args:
            number: of the batch.
            way: to pay, as `ways` gives them.
            buyer: who.
            once: of the form; the same choice again is the same order.
            public_url: where the gateway and the browser reach us.
            actor: who, for the trail.
            now: when.

        Raises:
            NotFoundError: that is not sold here.
            RefusedError: no such way, or too many were begun.
            GatewayRefusedError: the gateway says no.
            GatewayAwayError: the gateway can't be reached.
        """
        chosen = self._start.way(way)
        if chosen not in self.ways:
            raise RefusedError("vouchers are not paid that way", code="no_such_method")
        attempt, payer = await self._on_record(number, chosen, buyer, once, actor, now)
        token = self._token(attempt.ref)
        if payer is None:
            return token
        await self._start.make(attempt, payer, public_url=public_url, back_url=f"{public_url}/beli/{token}", now=now)
        return token

    async def _on_record(
        self, number: int, way: Way, buyer: Buyer, once: str, actor: Actor, now: datetime
    ) -> tuple[Attempt, Payer | None]:
        """Return the order's payment, and who pays where it was begun just now."""
        async with self._store.write() as work:
            asked = digest({"batch": number, "way": way.word})
            key = f"{VERB} {buyer.client} {once} {asked}"[:200]  # who goes back to the form may choose something else
            done = await work.idempotency.claim(key, VERB, asked, now)
            batch = await work.vouchers.batch(number)
            if done is not None:
                earlier = await work.gateways.find(done["ref"])
                if earlier is None:
                    raise NotFoundError("that order is forgotten: nobody has paid it", code="no_offer")
                return earlier, None
            if batch.currency != CURRENCY:
                raise RefusedError(f"gateways take {CURRENCY}, not {batch.currency}", code="no_such_method")
            if not batch.is_online or (batch.use_by_at is not None and batch.use_by_at <= now):
                raise NotFoundError("no such vouchers are sold here", code="no_offer")
            since, orders = now - _AN_HOUR, work.voucher_orders
            if (
                await orders.begun_since(since, client=buyer.client) >= _MOST_OF_CLIENT
                or await orders.begun_since(since, router=buyer.router) >= _MOST_OF_ROUTER
                or await orders.begun_since(since) >= _MOST_AT_ALL
            ):
                raise RefusedError("too many payments were begun; use one of them, or wait an hour", code="too_many")
            attempt = self._start.attempt(WHOSE, way, batch.price_minor, batch.currency, now)
            await work.gateways.add(attempt)
            order = VoucherOrder(
                ref=attempt.ref,
                batch_id=batch.id,
                client=buyer.client[:64],
                router=buyer.router[:300],
                hotspot=dict(buyer.hotspot),
                created_at=now,
            )
            await orders.add(order)
            details = {
                "amount": attempt.amount_minor,
                "gateway": way.gateway,
                "method": way.method,
                "voucher": batch.label,
            }
            await work.changes.record(actor, now, "gateway.begin", "gateway_attempt", attempt.ref, details)
            await work.idempotency.complete(key, VERB, {"ref": attempt.ref})
        return attempt, Payer(WHOSE, "Voucher", f"Voucher {batch.name or batch.plan} {self._business_name}"[:100])

    async def show(self, token: str) -> Bought | None:
        """Return the order of a token; None where it is none of ours, or forgotten."""
        ref = self._ref(token)
        if ref is None:
            return None
        async with self._store.read() as work:
            order, attempt = await work.voucher_orders.find(ref), await work.gateways.find(ref)
            if order is None or attempt is None:
                return None
            batch = await work.vouchers.batch_by_id(order.batch_id)
            voucher = None
            if order.sale_id is not None:
                found = await work.vouchers.of_sale(order.sale_id)
                voucher = (await opened(self._box, work, batch, found[:1]))[0]
        return Bought(self._token(ref), order, attempt, batch, voucher)

    async def look_now(self, bought: Bought, now: datetime) -> None:
        """Have the gateway asked about an open payment at the next opportunity."""
        attempt = bought.attempt
        if attempt.state.is_paid or not attempt.is_made:
            return
        async with self._store.write() as work:
            await work.gateways.looked(attempt.ref, attempt.looks, now, attempt.trouble)

    def _token(self, ref: str) -> str:
        return f"{ref}.{self._mark(ref)}"

    def _ref(self, token: str) -> str | None:
        ref, dot, mark = token.strip().rpartition(".")
        if not dot or len(token) > LONGEST_TOKEN or not token.isascii() or not token.isprintable():
            return None
        return ref if hmac.compare_digest(mark.upper().encode(), self._mark(ref).encode()) else None

    def _mark(self, ref: str) -> str:
        return base64.b32encode(self._box.keyed_digest(_PURPOSE, ref.encode())).decode()[:_LETTERS]


async def forget_orders(store: Store, now: datetime) -> int:
    """Forget orders that nobody has paid, and whom the paid ones were of; return how many."""
    count = 0
    while True:
        async with store.write() as work:
            done = await work.voucher_orders.forget(now - UNPAID_KEPT, now - PAID_KEPT, _AT_ONCE)
        count += done
        if done < _AT_ONCE:
            return count
