"""MessageTexts: the provider's own words, one text for each kind of message, channel and language."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.ports.changes import Changes
from netbilld.ports.messages import CHANNELS
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services.message_fields import EXAMPLES

TextKey = tuple[MessageKind, str, str]  # kind, channel, language
LONGEST_SUBJECT: Final = 500
LONGEST_BODY: Final = 8_000
MOST_PARAMETERS: Final = 20


@dataclass(frozen=True, slots=True)
class OwnText:
    """Words of the provider's.

    Attributes:
        subject: of an e-mail; of what has none it is the title.
        template_name: of a text that the messenger has approved, sent in place of `body` where one is needed.
        template_parameters: what goes into that, in its order; each is filled in as the body is.
    """

    kind: MessageKind
    channel: str
    locale: str
    subject: str
    body: str
    template_name: str = ""
    template_language: str = ""
    template_parameters: tuple[str, ...] = ()
    actor: str = ""
    changed_at: datetime | None = None

    @property
    def key(self) -> TextKey:
        """Return what it is the text of."""
        return self.kind, self.channel, self.locale

    @property
    def label(self) -> str:
        """Return it as a person names it."""
        return f"{self.kind.value} ({self.channel}, {self.locale})"


class Checks(Protocol):
    def check(self, own: OwnText) -> None:
        """Return quietly where a text can be filled in; else raise InvalidInputError that says what is wrong."""
        ...


class Texts(Protocol):
    async def texts(self) -> Mapping[TextKey, OwnText]: ...

    async def put_text(self, text: OwnText, actor: str, now: datetime) -> None: ...

    async def drop_text(self, key: TextKey) -> bool: ...


class Outbox(Protocol):
    async def add(self, message: Message, now: datetime) -> bool: ...


class Work(Protocol):
    @property
    def messengers(self) -> Texts: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class MessageTexts:
    """The use cases; each is one transaction with its line in the audit trail."""

    def __init__(self, store: Store, checks: Checks) -> None:
        self._store, self._checks = store, checks

    async def put(self, text: OwnText, actor: Actor, now: datetime) -> None:
        """Use these words from now on.

        Raises:
            InvalidInputError: they name a field that such a message does not have, can't be read, are empty or too
                long, or there is no such channel; it says which.
        """
        checked(text)
        self._checks.check(text)
        async with self._store.write() as work:
            before = (await work.messengers.texts()).get(text.key)
            await work.messengers.put_text(text, actor.name, now)
            details = {"text": text.label, "was": before.body if before else None, "now": text.body}
            await work.changes.record(actor, now, "message_text.put", "message_text", text.label, details)

    async def drop(self, key: TextKey, actor: Actor, now: datetime) -> None:
        """Go back to the words that come with netbilld.

        Raises:
            NotFoundError: there are none of their own.
        """
        label = f"{key[0].value} ({key[1]}, {key[2]})"
        async with self._store.write() as work:
            if not await work.messengers.drop_text(key):
                raise NotFoundError(f"no own text {label}")
            await work.changes.record(actor, now, "message_text.drop", "message_text", label, {"text": label})

    async def test(self, kind: MessageKind, driver: str, address: str, once: str, actor: Actor, now: datetime) -> bool:
        """Send somebody an example of a message by a driver; return False where the same click came twice."""
        context = {**EXAMPLES[kind]}
        async with self._store.write() as work:
            key = f"test:{once}"
            message = Message(kind, None, context, key, driver=driver, addressee=address)
            if not await work.outbox.add(message, now):
                return False
            details = {"kind": kind.value, "driver": driver, "to": address}
            await work.changes.record(actor, now, "message.test", "message_text", kind.value, details)
            return True


def checked(text: OwnText) -> None:
    """Return quietly where a text is one.

    Raises:
        InvalidInputError: it is not; it says what is wrong.
    """
    if text.channel not in CHANNELS:
        raise InvalidInputError(f"no channel {text.channel!r}", code="channel_unknown")
    if not text.body.strip():
        raise InvalidInputError("the text is empty", code="text_empty")
    if len(text.body) > LONGEST_BODY or len(text.subject) > LONGEST_SUBJECT:
        raise InvalidInputError("the text is too long", code="text_long")
    if len(text.template_parameters) > MOST_PARAMETERS:
        raise InvalidInputError(f"at most {MOST_PARAMETERS} parameters", code="text_parameters")
    if text.channel == "email" and not text.subject.strip():
        raise InvalidInputError("an e-mail needs a subject", code="text_no_subject")
