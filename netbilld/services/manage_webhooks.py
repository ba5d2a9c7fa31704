"""Webhooks: added, switched on and off, removed; and what was sent, sent again."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.webhook import PING, Delivery, Webhook
from netbilld.ports.changes import Changes
from netbilld.ports.webhooks import WebhookSender
from netbilld.services.subscriber_fields import clean_text
from netbilld.services.webhook_events import EVENTS, Event

SECRET_BEGINS: Final = "whsec_"  # noqa: S105 - scanners of leaked secrets know it by this
SECRET_OCTETS: Final = 32
LONGEST_NAME: Final = 100
LONGEST_URL: Final = 500
MOST_WEBHOOKS: Final = 50
PAGE_LENGTH: Final = 50


class Sealer(Protocol):
    def seal(self, clear: bytes, place: str) -> bytes: ...


class Webhooks(Protocol):
    async def add(self, webhook: Webhook, secret_sealed: bytes) -> bool: ...

    async def all(self) -> Sequence[Webhook]: ...

    async def by_id(self, webhook_id: UUID) -> Webhook | None: ...

    async def set_active(self, webhook_id: UUID, now: datetime, *, is_active: bool) -> None: ...

    async def begin_here(self) -> None: ...

    async def remove(self, webhook_id: UUID) -> None: ...

    async def deliveries(self, webhook_id: UUID, limit: int, offset: int) -> Sequence[Delivery]: ...

    async def delivery(self, delivery_id: int) -> Delivery | None: ...

    async def queue(self, rows: Collection[tuple[UUID, Event, str]], now: datetime) -> None: ...

    async def queue_again(self, delivery_id: int, now: datetime) -> None: ...


class Work(Protocol):
    @property
    def webhooks(self) -> Webhooks: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class MadeWebhook:
    """A new webhook, with the secret that is shown only now."""

    webhook: Webhook
    secret: str = field(repr=False)


class ManageWebhooks:
    """The use cases of webhooks; each is one transaction with its line in the audit trail."""

    def __init__(
        self, store: Store, box: Sealer, sender: WebhookSender, entropy: Callable[[int], bytes], timezone: str
    ) -> None:
        self._store, self._box, self._sender, self._entropy = store, box, sender, entropy
        self._timezone = timezone

    async def add(self, name: str, url: str, events: Collection[str], actor: Actor, now: datetime) -> MadeWebhook:
        """Tell an address of events from now on.

        Raises:
            InvalidInputError: the name or address can't be, or an event is not known, or there is none.
            RefusedError: the address is one of the inside, the name is another's, or there are too many.
        """
        called = clean_text("name", name, LONGEST_NAME)
        if not called or not called.isprintable():
            raise InvalidInputError("the webhook's name is empty or not one line", code="webhook_name")
        address = web_address(url)
        unknown = sorted(set(events) - set(EVENTS))
        if unknown or not events:
            said = f"event {unknown[0][:40]!r} is not known" if unknown else "a webhook needs an event"
            raise InvalidInputError(said, hint=f"allowed: {', '.join(EVENTS)}", code="webhook_events")
        if (refusal := self._sender.refusal(address)) is not None:
            raise RefusedError(f"{address}: {refusal}", code="webhook_address_inside")
        secret = SECRET_BEGINS + urlsafe_b64encode(self._entropy(SECRET_OCTETS)).decode().rstrip("=")
        webhook = Webhook(
            id=uuid4(),
            name=called,
            url=address,
            events=tuple(event for event in EVENTS if event in set(events)),
            is_active=True,
            active_since=now,
            created_at=now,
            created_by=actor.name,
        )
        sealed = self._box.seal(secret.encode(), secret_place(webhook.id))
        async with self._store.write() as work:
            others = await work.webhooks.all()
            if len(others) >= MOST_WEBHOOKS:
                raise RefusedError(f"there are {MOST_WEBHOOKS} webhooks already", code="webhooks_many")
            await _begin(work, others)
            if not await work.webhooks.add(webhook, sealed):
                raise RefusedError(f"there is a webhook {called!r} already", code="webhook_taken")
            details = {"name": called, "url": address, "events": list(webhook.events)}
            await work.changes.record(actor, now, "webhook.add", "webhook", webhook.id, details)
        return MadeWebhook(webhook, secret)

    async def switch(self, webhook_id: UUID, actor: Actor, now: datetime, *, is_active: bool) -> bool:
        """Let a webhook be told, or not; False where it is so already.

        What happens while it is off it is never told; what was queued before goes out when it is on again.
        """
        async with self._store.write() as work:
            webhook = await _found(work, webhook_id)
            if webhook.is_active is is_active:
                return False
            if is_active:
                await _begin(work, await work.webhooks.all())
            await work.webhooks.set_active(webhook_id, now, is_active=is_active)
            details = {"name": webhook.name, "active": is_active}
            await work.changes.record(actor, now, "webhook.set", "webhook", webhook_id, details)
        return True

    async def remove(self, webhook_id: UUID, actor: Actor, now: datetime) -> None:
        """Forget a webhook with its log."""
        async with self._store.write() as work:
            webhook = await _found(work, webhook_id)
            await work.webhooks.remove(webhook_id)
            details = {"name": webhook.name, "url": webhook.url}
            await work.changes.record(actor, now, "webhook.remove", "webhook", webhook_id, details)

    async def ping(self, webhook_id: UUID, actor: Actor, now: datetime) -> None:
        """Send an event that says nothing, to see whether it arrives."""
        async with self._store.write() as work:
            webhook = await _found(work, webhook_id)
            event = Event(f"png-{uuid4()}", PING, now, {"webhook": webhook.name, "actor": actor.name})
            await work.webhooks.queue([(webhook_id, event, event.body(self._timezone))], now)

    async def replay(self, webhook_id: UUID, delivery_id: int, actor: Actor, now: datetime) -> bool:
        """Send once more what was sent or given up; False where it is on its way anyway.

        Raises:
            NotFoundError: the webhook has no such delivery.
        """
        async with self._store.write() as work:
            webhook = await _found(work, webhook_id)
            delivery = await work.webhooks.delivery(delivery_id)
            if delivery is None or delivery.webhook_id != webhook_id:
                raise NotFoundError("there is no such delivery")
            if delivery.ended_at is None and delivery.next_at <= now:
                return False
            await work.webhooks.queue_again(delivery_id, now)
            details = {"name": webhook.name, "event_id": delivery.event_id, "event": delivery.event}
            await work.changes.record(actor, now, "webhook.replay", "webhook", webhook_id, details)
        return True

    async def list(self) -> Sequence[Webhook]:
        """Return every webhook, by name."""
        async with self._store.read() as work:
            return await work.webhooks.all()

    async def log(self, webhook_id: UUID, offset: int) -> tuple[Webhook, Sequence[Delivery]]:
        """Return a webhook with a page of what was sent to it, newest first, and one more row where there is more.

        Raises:
            NotFoundError: there is no such webhook.
        """
        async with self._store.read() as work:
            webhook = await _found(work, webhook_id)
            return webhook, await work.webhooks.deliveries(webhook_id, PAGE_LENGTH + 1, offset)


def web_address(url: str) -> str:
    """Return an address that something can be sent to.

    Raises:
        InvalidInputError: it is none.
    """
    text = url.strip()
    wrong = InvalidInputError(
        "that is no address to send to", hint="write https://example.net/path", code="webhook_address"
    )
    if len(text) > LONGEST_URL or not text.isascii() or any(sign <= " " or sign in '"\\<>^`{|}' for sign in text):
        raise wrong
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username is not None or port == 0:
        raise wrong
    return text.partition("#")[0]


def secret_place(webhook_id: UUID) -> str:
    """Return what a webhook's secret is sealed for."""
    return f"webhook.secret:{webhook_id}"


async def _begin(work: Work, webhooks: Sequence[Webhook]) -> None:
    """Let events be looked for from here on, where nobody was told of any until now."""
    if not any(webhook.is_active for webhook in webhooks):
        await work.webhooks.begin_here()


async def _found(work: Work, webhook_id: UUID) -> Webhook:
    webhook = await work.webhooks.by_id(webhook_id)
    if webhook is None:
        raise NotFoundError("there is no such webhook")
    return webhook
