"""One-time codes: six digits by a message, good for five minutes and five tries; nobody learns who is a subscriber.

A code is asked for by anything a subscriber is known by. Whether there is such a subscriber, or an address to send to,
shows nowhere: the same answer, the same pause before the next one, the same work, the same answer to a wrong code.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.ports.outbox import Message, MessageKind, Outbox
from netbilld.services.sign_in import (
    FREE_ATTEMPTS_SOURCE,
    Entropy,
    LockedOut,
    Lockout,
    Logins,
    WrongNameOrPassword,
    lock_of,
    name_attempts_key,
    new_login,
    source_attempts_key,
    token_hash,
)
from netbilld.services.sign_in_subscriber import REALM, SignedInSubscriber, Typed, typed

DIGITS: Final = 6
TRIES: Final = 5
GOOD_FOR: Final = timedelta(minutes=5)
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(minutes=15)
_ASKING: Final = "portal_ask"
_TRYING: Final = "portal_code"
_PURPOSE: Final = "portal login code"
SEALED: Final = "sealed_code"  # in a message's context


@dataclass(frozen=True, slots=True)
class Reached:
    """A service of a subscriber whom a name leads to; `has_address` where a message can reach them."""

    subscriber_id: UUID
    service_id: UUID
    has_address: bool


@dataclass(frozen=True, slots=True)
class CodeAsked:
    """A code is on its way, if there is whom to send it to."""

    again_at: datetime


class Reader(Protocol):
    async def reached_by(self, name_key: str, number: str | None, phone: str | None) -> Sequence[Reached]:
        """Return the services a user name, number or telephone leads to, of living ones the oldest first."""
        ...


class Codes(Protocol):
    async def code_made_at(self, key: str, now: datetime) -> datetime | None: ...

    async def keep_code(self, key: str, code_hash: str, tries: int, now: datetime, expires_at: datetime) -> None: ...

    async def try_code(self, key: str, now: datetime) -> str | None: ...

    async def use_up_code(self, key: str, code_hash: str) -> bool: ...


class Work(Protocol):
    @property
    def portal(self) -> Reader: ...
    @property
    def own_business(self) -> Codes: ...
    @property
    def logins(self) -> Logins: ...
    @property
    def outbox(self) -> Outbox: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Box(Protocol):
    def seal(self, clear: bytes, place: str) -> bytes: ...

    def open(self, sealed: bytes, place: str) -> bytes: ...

    def keyed_digest(self, purpose: str, data: bytes) -> bytes: ...


class LoginCodes:
    """Sends codes, and signs in who has one."""

    def __init__(self, store: Store, box: Box, entropy: Entropy, lifetime: timedelta) -> None:
        self._store, self._box, self._entropy, self._lifetime = store, box, entropy, lifetime
        self._lockout = Lockout(store, _TRYING)

    async def ask(self, name: str, source: str, now: datetime) -> CodeAsked | LockedOut:
        """Send a code to whom a name leads to; it says nothing of whether that is anybody.

        Each request makes the next one wait: a minute, later longer, for that name and for that source.
        """
        asked = typed(name)
        async with self._store.write() as work:
            await work.logins.prune(now)
            waits = (
                await work.logins.count_attempt(
                    _ASKING, source_attempts_key(source), now, lock_of(FREE_ATTEMPTS_SOURCE)
                ),
                await work.logins.count_attempt(_ASKING, name_attempts_key(asked.key), now, _pause),
            )
        if until := max((wait for wait in waits if wait is not None), default=None):
            return LockedOut(until)
        code = drawn_code(self._entropy)
        async with self._store.write() as work:
            reached = _one(await work.portal.reached_by(asked.name_key, asked.number, asked.phone))
            key = _key(reached, asked)
            made_at = await work.own_business.code_made_at(key, now)
            if made_at is None or now - made_at >= FIRST_PAUSE:  # asked for under another name a moment ago
                expires_at = now + GOOD_FOR
                await work.own_business.keep_code(key, self._hash(key, code), TRIES, now, expires_at)
                if reached is not None and reached.has_address:
                    await self._send(work, reached.subscriber_id, code, now, expires_at)
        return CodeAsked(now + FIRST_PAUSE)

    async def _send(self, work: Work, subscriber_id: UUID, code: str, now: datetime, expires_at: datetime) -> None:
        await work.outbox.withdraw(subscriber_id, [MessageKind.LOGIN_CODE], now)  # it is good for nothing any more
        sealed = self._box.seal(code.encode(), code_place(subscriber_id))
        context = {
            SEALED: b64encode(sealed).decode(),
            "sealed_for": str(subscriber_id),
            "until_at": expires_at.isoformat(),
        }
        key = f"login_code:{subscriber_id}:{now.isoformat()}"
        await work.outbox.add(Message(MessageKind.LOGIN_CODE, subscriber_id, context, key, until=expires_at), now)

    async def sign_in(
        self, name: str, code: str, source: str, now: datetime, *, replaces: str | None = None
    ) -> SignedInSubscriber | WrongNameOrPassword | LockedOut:
        """Return a new log-in for whom a name leads to and who has the code sent to them; a code works once.

        Args:
            name: as it was asked for with, or anything else that leads there.
            code: as typed; spaces don't count.
            source: the client's address.
            now: the instant of the attempt.
            replaces: token that the browser came with; that log-in ends.
        """
        asked = typed(name)
        if locked_until := await self._lockout.begin(asked.key, source, now):
            return LockedOut(locked_until)
        digits = "".join(code.split())[: 2 * DIGITS]
        async with self._store.write() as work:
            reached = _one(await work.portal.reached_by(asked.name_key, asked.number, asked.phone))
            key = _key(reached, asked)
            kept = await work.own_business.try_code(key, now)
            right = compare_digest(kept or "-" * 64, self._hash(key, digits)) and reached is not None
            if not right or kept is None or not await work.own_business.use_up_code(key, kept):
                return WrongNameOrPassword()
        if reached is None:
            return WrongNameOrPassword()
        await self._lockout.succeeded(asked.key, source)
        opened = new_login(REALM, source, now, self._lifetime, self._entropy, service_id=reached.service_id)
        async with self._store.write() as work:
            if replaces:
                await work.logins.end(token_hash(replaces))
            await work.logins.add(opened.login)
        return SignedInSubscriber(reached.service_id, opened)

    async def confirm(self, subscriber_id: UUID, code: str, source: str, now: datetime) -> bool:
        """Use up a code that was sent to a subscriber; False where it is not right, or too many were tried."""
        key = _subscriber_key(subscriber_id)
        if await self._lockout.begin(key, source, now):
            return False
        digits = "".join(code.split())[: 2 * DIGITS]
        async with self._store.write() as work:
            kept = await work.own_business.try_code(key, now)
            right = compare_digest(kept or "-" * 64, self._hash(key, digits))
            if not right or kept is None or not await work.own_business.use_up_code(key, kept):
                return False
        await self._lockout.succeeded(key, source)
        return True

    def _hash(self, key: str, code: str) -> str:
        return self._box.keyed_digest(_PURPOSE, f"{key}:{code}".encode("utf-8", "replace")).hex()


def opened_context(box: Box | None, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message's context with the code in it, which lies sealed in the outbox, where staff read."""
    if SEALED not in context:
        return dict(context)
    told = {name: value for name, value in context.items() if name not in {SEALED, "sealed_for"}}
    if box is None:
        return {**told, "code": "•" * DIGITS}
    code = box.open(b64decode(context[SEALED]), code_place(UUID(context["sealed_for"]))).decode()
    return {**told, "code": code}


def _one(found: Sequence[Reached]) -> Reached | None:
    """Return whom a name leads to; a telephone that several subscribers share leads to nobody."""
    if len({one.subscriber_id for one in found}) != 1:
        return None
    return found[0]


def _key(reached: Reached | None, asked: Typed) -> str:
    if reached is not None:
        return _subscriber_key(reached.subscriber_id)
    return hashlib.sha256(f"name:{asked.key}".encode("utf-8", "replace")).hexdigest()


def _subscriber_key(subscriber_id: UUID) -> str:
    return hashlib.sha256(f"subscriber:{subscriber_id}".encode()).hexdigest()


def drawn_code(entropy: Callable[[int], bytes]) -> str:
    """Return six digits, each number as likely as another."""
    whole = 10**DIGITS
    bound = 2**32 - 2**32 % whole
    while True:
        drawn = int.from_bytes(entropy(4), "big")
        if drawn < bound:
            return f"{drawn % whole:0{DIGITS}d}"


def _pause(asked: int) -> timedelta:
    """Return how long to wait before a further code: a minute, from the third request on twice as long each time."""
    doublings = min(max(0, asked - 2), 10)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def code_place(subscriber_id: UUID) -> str:
    """Return what binds a sealed code to whom it is for."""
    return f"outbox.login_code:{subscriber_id}"
