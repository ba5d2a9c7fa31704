"""Name and password → a log-in to a subscriber's own pages, with the same answer and work for every failure."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.contact import parse_phone
from netbilld.model.errors import InvalidInputError
from netbilld.radius.values import lookup_key
from netbilld.services.sign_in import (
    Entropy,
    LockedOut,
    Lockout,
    Logins,
    Opened,
    WrongNameOrPassword,
    new_login,
    token_hash,
)

REALM: Final = "portal"
LONGEST_NAME: Final = 253  # RFC 2865 §5
LONGEST_PASSWORD_OCTETS: Final = 253
_NOBODY: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class SealedPassword:
    """A credential's password as it lies in the store."""

    credential_id: UUID
    service_id: UUID
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedInSubscriber:
    """The right name and password of a service."""

    service_id: UUID
    opened: Opened


class Reader(Protocol):
    async def passwords_of(self, name_key: str, number: str | None, phone: str | None) -> Sequence[SealedPassword]:
        """Return the passwords that a user name, a subscriber number or a telephone may sign in with."""
        ...


class Work(Protocol):
    @property
    def portal(self) -> Reader: ...

    @property
    def logins(self) -> Logins: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Box(Protocol):
    def seal(self, clear: bytes, place: str) -> bytes: ...

    def open(self, sealed: bytes, place: str) -> bytes: ...


class SignInSubscriber:
    """Signs subscribers in to the portal with their service password.

    The password is kept sealed rather than hashed, because CHAP needs it in clear; so it is opened and compared in
    constant time. An unknown name is measured against a decoy, and costs what a known one costs.
    """

    def __init__(self, store: Store, box: Box, entropy: Entropy, lifetime: timedelta) -> None:
        self._store = store
        self._box = box
        self._entropy = entropy
        self._lifetime = lifetime
        self._lockout = Lockout(store, REALM)
        decoy = box.seal(b"nobody has this password", _place(_NOBODY))
        self._decoy = (SealedPassword(_NOBODY, _NOBODY, decoy),)

    async def handle(
        self, name: str, password: str, source: str, now: datetime, *, replaces: str | None = None
    ) -> SignedInSubscriber | WrongNameOrPassword | LockedOut:
        """Return a new log-in, or why there is none.

        Args:
            name: a user name, without regard to case; or a subscriber number or telephone, which opens whichever of
                the subscriber's services has the password.
            password: the service password.
            source: the client's address.
            now: the instant of the attempt.
            replaces: token that the browser came with; that log-in ends.
        """
        asked = typed(name)
        key = asked.key
        if locked_until := await self._lockout.begin(key, source, now):
            return LockedOut(locked_until)
        service_id = await self._opens(asked, password)
        if service_id is None:
            return WrongNameOrPassword()
        await self._lockout.succeeded(key, source)
        opened = new_login(REALM, source, now, self._lifetime, self._entropy, service_id=service_id)
        async with self._store.write() as work:
            if replaces:
                await work.logins.end(token_hash(replaces))
            await work.logins.add(opened.login)
        return SignedInSubscriber(service_id, opened)

    async def _opens(self, asked: "Typed", password: str) -> UUID | None:
        given = password.encode("utf-8", "replace")
        if not given or len(given) > LONGEST_PASSWORD_OCTETS:
            asked, given = NOBODY, b""  # nobody is called that, and the work is the same
        async with self._store.read() as work:
            found = await work.portal.passwords_of(asked.name_key, asked.number, asked.phone)
        opened: UUID | None = None
        for candidate in found or self._decoy:
            clear = self._box.open(candidate.sealed, _place(candidate.credential_id))
            right = bool(clear) and compare_digest(clear, given)
            if right and opened is None and candidate.service_id != _NOBODY:
                opened = candidate.service_id
        return opened


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed as a name, by all that it may be.

    Attributes:
        key: by which attempts are counted: one for a telephone, however it is written.
        name_key: of a user name.
        number: of a subscriber, where it is digits.
        phone: in E.164, where it is one.
    """

    key: str
    name_key: str
    number: str | None
    phone: str | None


NOBODY: Final = Typed("", "", None, None)


def typed(name: str) -> Typed:
    """Return what a text may be the name of; of what can be nobody's name it is `NOBODY` but for the key."""
    stripped, key = name.strip(), name_key(name)
    if not stripped or len(stripped) > LONGEST_NAME or "\0" in stripped:
        return Typed(key, "", None, None)
    try:
        phone: str | None = parse_phone(stripped)
    except InvalidInputError:
        phone = None
    number = stripped if stripped.isascii() and stripped.isdigit() else None
    return Typed(phone or key, key, number, phone)


def name_key(name: str) -> str:
    """Return the key a user name is filed under: letter case does not count."""
    return lookup_key(name.strip().encode("utf-8", "replace")).decode("utf-8", "replace")


def _place(credential_id: UUID) -> str:
    return f"credential.password:{credential_id}"
