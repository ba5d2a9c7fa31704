"""DeliverWebhooks: sends what is queued, signed, and again later where it was not taken."""

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final, Protocol

from netbilld import __version__
from netbilld.model.errors import NetbilldError
from netbilld.model.webhook import WAITS, Delivery, Webhook
from netbilld.ports.clock import Clock
from netbilld.ports.webhooks import Sent, WebhookSender
from netbilld.services.manage_webhooks import secret_place

A_ROUND: Final = 20  # deliveries of one webhook
SLOW_MILLISECONDS: Final = 2_000  # who takes longer gets one a round, so that others needn't wait
GONE: Final = 410  # the other side says: never again


class Opener(Protocol):
    def open(self, sealed: bytes, place: str) -> bytes: ...


class Webhooks(Protocol):
    async def due(self, now: datetime, each: int) -> Sequence[tuple[Webhook, bytes, Sequence[Delivery]]]: ...

    async def note(
        self, delivery_id: int, attempts: int, sent: Sent, at: datetime, *, state: str, next_at: datetime
    ) -> None: ...

    async def prune(self, before: datetime) -> int: ...


class Work(Protocol):
    @property
    def webhooks(self) -> Webhooks: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class DeliverWebhooks:
    """Who is killed between sending and noting sends again: the other side knows an event by its id.

    Attributes:
        counts: attempts by what came of them: delivered, failed, dead.
    """

    def __init__(self, store: Store, box: Opener, sender: WebhookSender, clock: Clock, keep: timedelta) -> None:
        self._store, self._box, self._sender, self._clock, self._keep = store, box, sender, clock, keep
        self.counts: Final = dict.fromkeys(("delivered", "failed", "dead"), 0)

    async def run(self) -> int:
        """Send what is due, to every webhook beside the others; return how many attempts were made.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with self._store.read() as work:
            due = await work.webhooks.due(self._clock.now(), A_ROUND)
        return sum(await asyncio.gather(*(self._send(webhook, sealed, some) for webhook, sealed, some in due)))

    async def prune(self) -> int:
        """Forget what is over and too old; return how many."""
        async with self._store.write() as work:
            return await work.webhooks.prune(self._clock.now() - self._keep)

    async def _send(self, webhook: Webhook, sealed: bytes, deliveries: Sequence[Delivery]) -> int:
        try:
            secret = self._box.open(sealed, secret_place(webhook.id))
        except NetbilldError as error:  # of another key: the others are told all the same
            await self._note(deliveries[0], Sent(None, str(error), 0))
            return 1
        for number, delivery in enumerate(deliveries, 1):
            now = self._clock.now()
            body = delivery.body.encode()
            headers = {
                "Content-Type": "application/json",
                "User-Agent": f"netbilld/{__version__}",
                "Netbilld-Event": delivery.event,
                "Netbilld-Event-Id": delivery.event_id,
                "Netbilld-Signature": signature(secret, int(now.timestamp()), body),
            }
            sent = await self._sender.post(webhook.url, headers, body)
            await self._note(delivery, sent)
            if not sent.is_taken or sent.milliseconds > SLOW_MILLISECONDS:
                return number
        return len(deliveries)

    async def _note(self, delivery: Delivery, sent: Sent) -> None:
        now, attempts = self._clock.now(), delivery.attempts + 1
        if sent.is_taken:
            state, next_at = "delivered", now
        elif attempts > len(WAITS) or sent.status == GONE:
            state, next_at = "dead", now
        else:
            state, next_at = "queued", now + WAITS[attempts - 1]
        self.counts["failed" if state == "queued" else state] += 1
        async with self._store.write() as work:
            await work.webhooks.note(delivery.id, attempts, sent, now, state=state, next_at=next_at)


def signature(secret: bytes, at_seconds: int, body: bytes) -> str:
    """Return what the other side verifies: the time, and HMAC-SHA256 of time, dot and body under the secret."""
    digest = hmac.new(secret, f"{at_seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_seconds},v1={digest}"
