"""What the four pretended gateways have in common: payments in memory, knobs for what goes wrong, callbacks."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from aiohttp import ClientSession, web

from tests.peers import free_tcp_port

FEE: Final = 2_675


@dataclass(slots=True)
class Payment:
    """A payment at a gateway; `status` is in its own words."""

    ref: str
    name: str
    amount: int
    status: str
    method: str
    refunded: int = 0
    refund_keys: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Delivery:
    """What a callback was answered with."""

    status: int
    body: bytes


class FakeGateway:
    """What the four have in common."""

    name = ""
    words: ClassVar[Mapping[str, str]]  # pending, paid, expired, failed, refunded

    def __init__(self) -> None:
        self.payments: dict[str, Payment] = {}
        self.faults: list[int] = []  # answered instead, one a request; 0 breaks the connection
        self.asked: list[tuple[str, str]] = []
        self.deliveries: list[Delivery] = []
        self.url = ""
        self.hook = ""
        self._count = 0

    # -- what tests do -------------------------------------------------------------------------------------------------

    def pay(self, ref: str) -> Payment:
        """Let somebody pay; nobody is told."""
        self.payments[ref].status = self.words["paid"]
        return self.payments[ref]

    def becomes(self, ref: str, state: str) -> Payment:
        """Let a payment be pending, paid, expired, failed or refunded."""
        payment = self.payments[ref]
        payment.status = self.words[state]
        if state == "refunded":
            payment.refunded = payment.amount
        return payment

    async def tell(
        self,
        ref: str,
        state: str | None = None,
        *,
        times: int = 1,
        tamper: str = "",
        amount: int | None = None,
        at_once: bool = False,
    ) -> list[Delivery]:
        """Call back, and return what was answered.

        Args:
            ref: of the payment.
            state: to be told; None is as it is.
            times: how often.
            tamper: signature: it is wrong. body: the body is changed after it was signed.
            amount: to be told instead.
            at_once: not one after the other.
        """
        payment = self.payments[ref]
        word = payment.status if state is None else self.words[state]
        headers, body = self.callback(payment, word, payment.amount if amount is None else amount)
        if tamper == "signature":
            headers, body = self.spoilt(headers, body)
        if tamper == "body":
            body = body.replace(str(payment.amount).encode(), str(payment.amount + 1).encode())
        return await self.send(headers, body, times=times, at_once=at_once)

    async def send(
        self, headers: dict[str, str], body: bytes, *, times: int = 1, at_once: bool = False
    ) -> list[Delivery]:
        """Send these octets to our hook."""
        async with ClientSession() as session:

            async def once() -> Delivery:
                async with session.post(self.hook, data=body, headers=headers, allow_redirects=False) as answer:
                    return Delivery(answer.status, await answer.read())

            if at_once:
                made = list(await asyncio.gather(*(once() for _ in range(times))))
            else:
                made = [await once() for _ in range(times)]
        self.deliveries += made
        return made

    # -- what each does in its own way ---------------------------------------------------------------------------------

    def callback(self, payment: Payment, word: str, amount: int) -> tuple[dict[str, str], bytes]:
        """Return headers and body of a callback."""
        raise NotImplementedError

    def spoilt(self, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        """Return the same with a proof that is wrong."""
        raise NotImplementedError

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of ours."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Return what the settings say of it."""
        raise NotImplementedError

    def new(self, ref: str, amount: int, method: str) -> Payment:
        """Keep a new payment."""
        self._count += 1
        payment = Payment(ref, f"{self.name}-{self._count:08}", amount, self.words["pending"], method)
        self.payments[ref] = payment
        return payment

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of ours, or with the next fault."""
        self.asked.append((request.method, request.path))
        if self.faults:
            fault = self.faults.pop(0)
            if fault == 0:
                assert request.transport is not None
                request.transport.abort()
                return web.Response(status=500)
            if fault > 0:
                return web.Response(status=fault, text="{}")
            answer = await self.answer(request)  # it is done, and the answer gets lost
            assert request.transport is not None
            request.transport.abort()
            return answer
        return await self.answer(request)


def sums_up(items: list[dict[str, Any]], amount: int) -> bool:
    """Tell whether the items are the amount, as a strict gateway wants it."""
    return bool(sum(one["price"] * one["quantity"] for one in items) == amount)


@asynccontextmanager
async def running(fake: FakeGateway) -> AsyncIterator[FakeGateway]:
    """Run a gateway on a loopback port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_tcp_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    fake.url = f"http://127.0.0.1:{port}"
    try:
        yield fake
    finally:
        await runner.cleanup()
