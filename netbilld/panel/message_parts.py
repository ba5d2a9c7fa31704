"""What pages about messages are handed."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from netbilld.ports.outbox import MessageKind, MessageState
from netbilld.services.answer_by_hand import AnswerByHand
from netbilld.services.chat_records import Chat, ChatLine, ChatPerson, Event, StaffChat
from netbilld.services.link_staff import LinkStaff
from netbilld.services.manage_messages import ManageMessages
from netbilld.services.message_texts import MessageTexts, OwnText, TextKey
from netbilld.services.prefer_channels import PreferChannels


class OutboxReads(Protocol):
    async def by_id(self, message_id: int) -> Any: ...

    async def page(
        self, *, state: MessageState | None, channel: str | None, before_id: int | None, most: int
    ) -> Sequence[Any]: ...

    async def driver_states(self) -> Mapping[str, tuple[str, str, datetime, str]]: ...

    async def driver_figures(self) -> Mapping[str, tuple[int, int, int, int]]: ...


class MessengerReads(Protocol):
    async def texts(self) -> Mapping[TextKey, OwnText]: ...

    async def staff_chat(self, staff_id: UUID) -> StaffChat | None: ...

    async def person(self, subscriber_id: UUID) -> ChatPerson | None: ...

    async def person_numbered(self, number: str) -> ChatPerson | None: ...


class ChatReads(Protocol):
    async def lines(self, which: str, before: datetime | None, most: int) -> Sequence[ChatLine]: ...

    async def waiting(self) -> int: ...

    async def of_event(self, event_id: int, *, lock: bool = False) -> Chat | None: ...

    async def of_person(self, subscriber_id: UUID, most: int = ...) -> Sequence[Chat]: ...

    async def heard(self, whose: UUID | tuple[str, str], before: datetime | None, most: int) -> Sequence[Event]: ...

    async def told(self, whose: UUID | tuple[str, str], before: datetime | None, most: int) -> Sequence[Any]: ...


class MessageWork(Protocol):
    """The stores of one transaction that these pages read."""

    @property
    def chat_views(self) -> ChatReads: ...
    @property
    def outbox(self) -> OutboxReads: ...
    @property
    def messengers(self) -> MessengerReads: ...


class MessageStore(Protocol):
    def read(self) -> AbstractAsyncContextManager[MessageWork]: ...


class Words(Protocol):
    """What messages say, with codes hidden."""

    def use(self, texts: Mapping[TextKey, OwnText]) -> None: ...

    def render(
        self, kind: MessageKind, locale: str, context: Mapping[str, Any], channel: str = ...
    ) -> tuple[str, str]: ...

    def fill(self, own: OwnText, locale: str, context: Mapping[str, Any]) -> tuple[str, str]: ...

    def check(self, own: OwnText) -> None: ...

    def builtin(self, kind: MessageKind, locale: str, channel: str) -> tuple[str, str]: ...


@dataclass(frozen=True, slots=True)
class MessageParts:
    """The services of pages about messages.

    Attributes:
        drivers: who delivers, by name, with the channel of each.
        known: what every message's text may name beside its own fields.
        locale: of messages to who has chosen none.
        by_hand: answers in chats.
        prefer: by which channel somebody is reached first.
        asks_approval: drivers by which words of our own go only to who has written within a day.
        link, bot: by which bot the staff are reached by Telegram; None has none.
    """

    store: MessageStore
    manage: ManageMessages
    texts: MessageTexts
    words: Words
    drivers: Mapping[str, str]
    known: Mapping[str, Any]
    locale: str
    by_hand: AnswerByHand
    prefer: PreferChannels
    asks_approval: frozenset[str] = frozenset()
    link: LinkStaff | None = None
    bot: str | None = None
