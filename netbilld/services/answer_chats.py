"""AnswerChats: who writes to us by a messenger gets an answer; who is not known learns nothing about anybody.

A number on record is somebody. Anybody else says whose subscriber number is theirs, and shows it by a code that goes to
the contact on record: until then every answer is the same, whether there is such a subscriber or not.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.permissions import Role
from netbilld.ports.changes import Changes
from netbilld.ports.clock import Clock
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services.chat_answers import Answers
from netbilld.services.chat_records import Chat, ChatPerson, Event
from netbilld.services.chat_words import Meant, Wish, understand
from netbilld.services.login_codes import SEALED, Box, code_place, drawn_code
from netbilld.services.sign_in import Entropy

WINDOW: Final = timedelta(minutes=10)
MOST_ANSWERS: Final = 12  # within a window
SAME_AGAIN: Final = timedelta(minutes=2)
KNOWN_FOR: Final = timedelta(days=180)
CODE_FOR: Final = timedelta(minutes=10)
TRIES: Final = 5
MOST_STRANGERS: Final = (
    60  # who are told within an hour to say who they are: webhooks can be forged, numbers be locked out
)
MOST_ASKS: Final = 3  # of one chat within a day
MOST_CODES: Final = 5  # to one subscriber within a day
OLD: Final = timedelta(hours=6)  # nobody waits for an answer any longer
TALK: Final = timedelta(hours=1)  # after somebody of the staff has written, what we don't understand is for them
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_CODE_DIGITS: Final = 6
_PURPOSE: Final = "chat code"
_TOO_OLD: Final = "too old"


class Messengers(Protocol):
    async def chat(self, driver: str, address: str, *, lock: bool = False) -> Chat | None: ...

    async def put_chat(self, chat: Chat) -> None: ...

    async def people_with_phone(self, phone: str) -> Sequence[ChatPerson]: ...

    async def person_numbered(self, number: str) -> ChatPerson | None: ...

    async def person(self, subscriber_id: UUID) -> ChatPerson | None: ...

    async def take_event(self, event_id: int) -> bool: ...

    async def end_event(
        self, event_id: int, state: str, said: str, now: datetime, subscriber_id: UUID | None = None
    ) -> None: ...

    async def strangers_answered(self, since: datetime, most: int) -> int: ...

    async def stopped(self, subscriber_id: UUID) -> frozenset[str]: ...

    async def stop(self, subscriber_id: UUID, channels: Sequence[str], actor: str, now: datetime) -> None: ...


class Outbox(Protocol):
    async def add(self, message: Message, now: datetime) -> bool: ...

    async def take_back(self, dedupe_keys: Sequence[str], now: datetime) -> list[str]: ...

    async def staff_in(self, roles: Sequence[str]) -> Sequence[UUID]: ...


class Work(Protocol):
    @property
    def messengers(self) -> Messengers: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody is answered; `takes_back` are messages that it makes superfluous."""

    topic: str
    fields: dict[str, Any]
    takes_back: tuple[str, ...] = ()


class AnswerChats:
    """Answers one message at a time."""

    def __init__(
        self, store: Store, answers: Answers, box: Box, entropy: Entropy, clock: Clock, business_name: str
    ) -> None:
        self._store, self._answers, self._box = store, answers, box
        self._entropy, self._clock, self._signature = entropy, clock, f"- {business_name}"

    async def run(self, event: Event) -> None:
        """Answer what somebody wrote, once; what goes on for ever, or comes from a machine, is passed over.

        Raises:
            StoreUnavailableError: the database is away; it is answered later.
        """
        now, body = self._clock.now(), event.body
        meant = understand(str(body.get("text", "")))
        person = await self._person(event, now)
        before = await self._before(event)
        media = str(body.get("media") or "") or _media_before(before, now)
        reply: Reply | None = None
        if person is not None and (before is None or self._passed_over(before, event, now) is None):
            reply = await self._of_person(event, person, meant, media, now)
        async with self._store.write() as work:
            if not await work.messengers.take_event(event.id):
                return
            chat = await _chat_of(work, event, now)
            said = self._passed_over(chat, event, now)
            if said is not None:
                waits = said == _TOO_OLD
                passed = replace(chat, heard_at=now, media=media)
                await work.messengers.put_chat(_noted(passed, event, person, now, waits=waits))
                await work.messengers.end_event(event.id, "passed", said, now, person.id if person else None)
                return
            if person is None:
                chat, reply = await self._of_stranger(work, chat, meant, now)
            elif meant.wish in {Wish.STOP, Wish.START}:
                await _choose(work, person, meant.wish, event, now)
            waits = meant.wish is Wish.PERSON or (meant.wish is Wish.UNKNOWN and _is_for_nobody(reply))
            if reply is not None and reply.topic in {"menu", "ask_number"} and meant.wish is Wish.UNKNOWN:
                is_talk = chat.answered_at is not None and now - chat.answered_at < TALK
                if is_talk or (chat.hinted_at is not None and now - chat.hinted_at < WINDOW):
                    reply = None
                else:
                    chat = replace(chat, hinted_at=now)
            await self._send(work, event, person, reply, now)
            counted = _counted(chat, event, now, answered=reply is not None)
            is_used = reply is not None and reply.topic == "complaint"
            kept = replace(counted, media=None if is_used else media)
            if waits and meant.wish is Wish.PERSON and person is not None and chat.waits_since_at is None:
                await _tell_staff(work, event, person, now)
            await work.messengers.put_chat(_noted(kept, event, person, now, waits=waits))
            await work.messengers.end_event(
                event.id, "done", reply.topic if reply else "no answer", now, person.id if person else None
            )

    async def _before(self, event: Event) -> Chat | None:
        async with self._store.read() as work:
            return await work.messengers.chat(event.driver, str(event.body["address"]))

    def _passed_over(self, chat: Chat, event: Event, now: datetime) -> str | None:
        """Return why something gets no answer."""
        text = str(event.body.get("text", ""))
        if now - event.received_at > OLD:
            return _TOO_OLD
        if text.strip().endswith(self._signature):
            return "our own words"
        if chat.last_digest == _digest(event) and chat.last_digest_at and now - chat.last_digest_at < SAME_AGAIN:
            return "the same again"
        if now - chat.window_at < WINDOW and chat.answers >= MOST_ANSWERS:
            return "too many"
        return None

    async def _person(self, event: Event, now: datetime) -> ChatPerson | None:
        """Return who writes: by a telephone that is one subscriber's alone, or by a code shown before."""
        phone = event.body.get("phone")
        async with self._store.read() as work:
            chat = await work.messengers.chat(event.driver, str(event.body["address"]))
            if chat is not None and chat.subscriber_id is not None and _is_known(chat, now):
                return await work.messengers.person(chat.subscriber_id)
            people = await work.messengers.people_with_phone(str(phone)) if phone else ()
        living = [one for one in people if one.is_living] or list(people)
        return living[0] if len(living) == 1 else None

    async def _of_person(
        self, event: Event, person: ChatPerson, meant: Meant, media: str | None, now: datetime
    ) -> Reply:
        match meant.wish:
            case Wish.BILL | Wish.PAY:
                return Reply(meant.wish.value, await self._answers.bill(person, now))
            case Wish.BALANCE:
                return Reply("balance", await self._answers.balance(person, now))
            case Wish.STATUS:
                return Reply("status", await self._answers.status(person, now))
            case Wish.REPORT:
                return await self._report(event, person, meant, media, now)
            case Wish.STOP:
                return Reply("stopped", {})
            case Wish.START:
                return Reply("started", {})
            case Wish.PERSON:
                return Reply("person", {})
            case _ if event.body.get("media"):
                return await self._report(event, person, meant, media, now)
            case _:
                return Reply("menu", {})

    async def _report(self, event: Event, person: ChatPerson, meant: Meant, media: str | None, now: datetime) -> Reply:
        if not meant.words:
            return Reply("ask_report", {})
        place = event.body.get("place")
        words = f"{meant.words}\n({place[0]}, {place[1]})" if place else meant.words
        number = await self._answers.report(person, words, meant.category, event.driver, media, f"chat:{event.id}", now)
        if number is None:
            return Reply("refused", {})
        return Reply("complaint", {"number": number}, (f"complaint:{number}:received",))

    # -- who is not known ----------------------------------------------------------------------------------------------

    async def _of_stranger(self, work: Work, chat: Chat, meant: Meant, now: datetime) -> tuple[Chat, Reply | None]:
        digits = meant.words if meant.wish is Wish.NUMBER else ""
        waits = chat.code_until_at is not None and chat.code_until_at > now and chat.tries_left > 0
        is_number_again = bool(digits) and chat.asked_digest == self._hash(chat, f"number {digits}")
        if waits and len(digits) == _CODE_DIGITS and not is_number_again:
            return self._code(chat, digits, now)
        if digits:
            return await self._ask(work, chat, digits, now)
        if meant.wish is Wish.STOP:  # we send nothing there
            return chat, None
        if await work.messengers.strangers_answered(now - _HOUR, MOST_STRANGERS) >= MOST_STRANGERS:
            return chat, None
        asked = Reply("ask_number", {})
        if meant.wish is not Wish.UNKNOWN and chat.hinted_at is not None and now - chat.hinted_at < WINDOW:
            return chat, None
        return (chat if meant.wish is Wish.UNKNOWN else replace(chat, hinted_at=now)), asked

    def _code(self, chat: Chat, digits: str, now: datetime) -> tuple[Chat, Reply]:
        right = compare_digest(chat.code_hash or "-" * 64, self._hash(chat, digits))
        if right and chat.asked_id is not None:
            known = replace(
                chat, subscriber_id=chat.asked_id, known_until_at=now + KNOWN_FOR, asked_id=None, code_hash=None,
                code_until_at=None, tries_left=0,
            )  # fmt: skip
            return known, Reply("code_right", {})
        return replace(chat, tries_left=chat.tries_left - 1), Reply("code_wrong", {})

    async def _ask(self, work: Work, chat: Chat, number: str, now: datetime) -> tuple[Chat, Reply]:
        """Send a code to whose number that is, if it is anybody's; the answer is the same."""
        begun = chat.asked_at is None or now - chat.asked_at >= _DAY
        asks = 0 if begun else chat.asks
        if asks >= MOST_ASKS:
            return chat, Reply("too_many", {})
        code = drawn_code(self._entropy)
        person = await work.messengers.person_numbered(number)
        until = now + CODE_FOR
        asked = replace(
            chat,
            asked_id=person.id if person is not None else None,
            asked_digest=self._hash(chat, f"number {number}"),
            asked_at=now if begun else chat.asked_at,
            asks=asks + 1,
            code_hash=self._hash(chat, code),
            code_until_at=until,
            tries_left=TRIES,
        )
        if person is not None:
            sealed = self._box.seal(code.encode(), code_place(person.id))
            context = {
                SEALED: b64encode(sealed).decode(),
                "sealed_for": str(person.id),
                "until_at": until.isoformat(),
            }
            for again in range(MOST_CODES):  # the sixth of a day goes nowhere
                key = f"chat_code:{person.id}:{now.date()}:{again}"
                if await work.outbox.add(Message(MessageKind.CHAT_CODE, person.id, context, key, until=until), now):
                    break
        return asked, Reply("code_sent", {})

    def _hash(self, chat: Chat, code: str) -> str:
        said = f"{chat.driver}:{chat.address}:{code}"
        return self._box.keyed_digest(_PURPOSE, said.encode("utf-8", "replace")).hex()

    # -- the answer ----------------------------------------------------------------------------------------------------

    async def _send(
        self, work: Work, event: Event, person: ChatPerson | None, reply: Reply | None, now: datetime
    ) -> None:
        if reply is None:
            return
        if reply.takes_back:
            await work.outbox.take_back(reply.takes_back, now)
        message = Message(
            MessageKind.REPLY,
            person.id if person is not None else None,
            reply_context(reply.topic, reply.fields),
            f"reply:{event.id}",
            until=now + OLD,
            addressee=str(event.body["address"]),
            driver=event.driver,
        )
        await work.outbox.add(message, now)


def reply_context(topic: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an answer's text names, as plain JSON."""
    empty = {
        "title": "", "text": "", "number": "", "outstanding_minor": 0, "wallet_minor": 0, "bills": [], "lines": [],
        "complaints": [],
    }  # fmt: skip
    found: dict[str, Any] = json.loads(json.dumps({**empty, **fields, "topic": topic}, default=str))
    return found


async def _chat_of(work: Work, event: Event, now: datetime) -> Chat:
    address = str(event.body["address"])
    chat = await work.messengers.chat(event.driver, address, lock=True)
    return chat or Chat(event.driver, address, str(event.body.get("name", ""))[:100], now, now)


def _counted(chat: Chat, event: Event, now: datetime, *, answered: bool) -> Chat:
    is_new = now - chat.window_at >= WINDOW
    return replace(
        chat,
        name=str(event.body.get("name", "") or chat.name)[:100],
        heard_at=now,
        window_at=now if is_new else chat.window_at,
        answers=(0 if is_new else chat.answers) + answered,
        last_digest=_digest(event),
        last_digest_at=now,
    )


def _is_known(chat: Chat, now: datetime) -> bool:
    """Return whether a code that was shown there still holds: the telephone may have another owner by now."""
    return chat.known_until_at is not None and chat.known_until_at > now


def _noted(chat: Chat, event: Event, person: ChatPerson | None, now: datetime, *, waits: bool) -> Chat:
    """Return a chat with what somebody wrote last, and whether it waits for a person."""
    by_code = chat.subscriber_id if _is_known(chat, now) else None  # they may have shown it just now
    return replace(
        chat,
        person_id=person.id if person is not None else by_code,
        last_text=" ".join(str(event.body.get("text", "")).split())[:200],
        last_event_id=event.id,
        waits_since_at=(chat.waits_since_at or now) if waits else chat.waits_since_at,
    )


async def _tell_staff(work: Work, event: Event, person: ChatPerson, now: datetime) -> None:
    """Tell those at the desk that a subscriber asks for one of them."""
    context = {"title": f"{person.name} ({person.number})", "text": str(event.body.get("text", ""))[:500]}
    for staff_id in await work.outbox.staff_in([Role.SERVICE.value]):
        key = f"chat:{event.id}:{staff_id}"
        await work.outbox.add(Message(MessageKind.STAFF_ALERT, person.id, context, key, staff_id=staff_id), now)


def _media_before(chat: Chat | None, now: datetime) -> str | None:
    """Return a picture that came a short while ago without words: these may be they."""
    is_fresh = chat is not None and chat.last_digest_at is not None and now - chat.last_digest_at < WINDOW
    return chat.media if chat is not None and is_fresh else None


def _is_for_nobody(reply: Reply | None) -> bool:
    return reply is None or reply.topic in {"menu", "ask_number"}


def _digest(event: Event) -> str:
    """Return what tells one thing said from another: words, whatever their case and gaps, and the picture."""
    words = " ".join(str(event.body.get("text", "")).split()).casefold()
    said = "\0".join(filter(None, (words, event.body.get("media"))))
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()


async def _choose(work: Work, person: ChatPerson, wish: Wish, event: Event, now: datetime) -> None:
    """Keep that somebody wants no messages by this channel, or wants them again."""
    channel = "whatsapp"
    before = await work.messengers.stopped(person.id)
    after = before | {channel} if wish is Wish.STOP else before - {channel}
    if after == before:
        return
    actor = Actor(f"subscriber {person.number}", event.driver)
    await work.messengers.stop(person.id, sorted(after), actor.name, now)
    details = {"number": person.number, "stopped": sorted(after)}
    await work.changes.record(actor, now, "message.choose", "subscriber", person.id, details)
