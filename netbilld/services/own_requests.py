"""What a subscriber asks a person of the provider for: to look at an invoice, to delete what is known of them."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID, uuid4

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.ports.changes import Changes
from netbilld.services.subscriber_fields import clean_text

DELETION: Final = "deletion"
INVOICE: Final = "invoice"
OPEN: Final = "open"
WITHDRAWN: Final = "withdrawn"
ENDINGS: Final = ("done", "refused")
LONGEST_TEXT: Final = 2000
SHOWN: Final = 20
MOST_WAITING: Final = 100
_A_DAY: Final = timedelta(days=1)  # in which nobody makes more than are shown
_MOST_OPEN: Final = 5  # of one subscriber at once


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """A request as it is made."""

    id: UUID
    subscriber_id: UUID
    kind: str
    invoice_id: UUID | None
    text: str
    created_at: datetime
    origin: str


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A request as a list shows it."""

    id: UUID
    subscriber_id: UUID
    subscriber_no: str
    subscriber_name: str
    kind: str
    invoice_number: str | None
    text: str
    state: str
    created_at: datetime
    ended_at: datetime | None
    answer: str | None

    @property
    def is_open(self) -> bool:
        return self.state == OPEN


class Requests(Protocol):
    async def add_request(self, asked: OwnRequest) -> None: ...

    async def requests_of(self, subscriber_id: UUID, limit: int) -> Sequence[RequestLine]: ...

    async def open_requests(self, limit: int) -> Sequence[RequestLine]: ...

    async def request(self, request_id: UUID) -> RequestLine | None: ...

    async def end_request(self, request_id: UUID, state: str, by: str, answer: str | None, now: datetime) -> bool: ...


class Invoices(Protocol):
    async def lock_subscribers(self, subscriber_ids: Sequence[UUID]) -> None: ...


class Work(Protocol):
    @property
    def own_business(self) -> Requests: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class OwnRequests:
    """Takes requests of subscribers in, and puts down what became of them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(
        self, subscriber_id: UUID, kind: str, text: str, actor: Actor, now: datetime, *, invoice_id: UUID | None = None
    ) -> UUID:
        """Keep a request; the same one again while it is open is that one.

        Args:
            subscriber_id: who asks; the invoice is theirs, as the caller has made sure.
            kind: DELETION or INVOICE.
            text: in their words; one to look at an invoice needs some.
            actor: who, and from where.
            now: when.
            invoice_id: what it is about.

        Raises:
            InvalidInputError: the text is missing, too long or no text.
            RefusedError: five requests are open already.
        """
        said = clean_text("text", text.replace("\r\n", "\n"), LONGEST_TEXT)
        if kind == INVOICE and not said:
            raise InvalidInputError("the text is empty", code="text_missing")
        async with self._store.write() as work:
            await work.invoices.lock_subscribers([subscriber_id])
            recent = await work.own_business.requests_of(subscriber_id, SHOWN)
            found = [one for one in recent if one.is_open]
            for one in found:
                if one.kind == kind and (kind == DELETION or one.text == said):
                    return one.id
            if len(found) >= _MOST_OPEN or (len(recent) == SHOWN and now - recent[-1].created_at < _A_DAY):
                raise RefusedError("too many requests are open", code="many_requests")
            asked = OwnRequest(uuid4(), subscriber_id, kind, invoice_id, said, now, actor.origin)
            await work.own_business.add_request(asked)
            details = {"kind": kind, "request_id": str(asked.id)}
            await work.changes.record(actor, now, "portal.request", "subscriber", subscriber_id, details)
        return asked.id

    async def waiting(self) -> Sequence[RequestLine]:
        """Return what nobody has answered, oldest first, as many as a page shows."""
        async with self._store.read() as work:
            return await work.own_business.open_requests(MOST_WAITING)

    async def withdraw(self, subscriber_id: UUID, request_id: UUID, actor: Actor, now: datetime) -> None:
        """Take back one's own request; nothing happens where it is over.

        Raises:
            NotFoundError: that subscriber has made no such request.
        """
        async with self._store.write() as work:
            found = await work.own_business.request(request_id)
            if found is None or found.subscriber_id != subscriber_id:
                raise NotFoundError("no such request")
            if await work.own_business.end_request(request_id, WITHDRAWN, actor.name, None, now):
                details = {"kind": found.kind, "request_id": str(request_id), "state": WITHDRAWN}
                await work.changes.record(actor, now, "portal.request", "subscriber", subscriber_id, details)

    async def end(self, request_id: UUID, state: str, answer: str, actor: Actor, now: datetime) -> None:
        """Put down what became of a request: done or refused, with what the subscriber is to read.

        Raises:
            InvalidInputError: another state, no answer, or one that is too long.
            NotFoundError: there is no such request.
            RefusedError: it is over already.
        """
        said = clean_text("answer", answer.replace("\r\n", "\n"), LONGEST_TEXT)
        if state not in ENDINGS:
            raise InvalidInputError(f"state {state!r} is not {' or '.join(ENDINGS)}")
        if not said:
            raise InvalidInputError("the answer is empty", code="answer_missing")
        async with self._store.write() as work:
            found = await work.own_business.request(request_id)
            if found is None:
                raise NotFoundError("no such request")
            if not await work.own_business.end_request(request_id, state, actor.name, said, now):
                raise RefusedError("that request is over already", code="request_over")
            details = {"kind": found.kind, "request_id": str(request_id), "state": state}
            await work.changes.record(actor, now, "portal.request", "subscriber", found.subscriber_id, details)
