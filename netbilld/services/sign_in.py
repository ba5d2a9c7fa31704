"""Signing in: attempts counted before they are judged, passwords verified off the loop, tokens kept only as hashes."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.staff import Staff, email_key
from netbilld.ports.passwords import Passwords

TOKEN_OCTETS: Final = 32
LONGEST_PASSWORD: Final = 1024  # octets are cheap to send and dear to hash
FORGET_AFTER: Final = timedelta(hours=1)
FREE_ATTEMPTS_NAME: Final = 5
FREE_ATTEMPTS_SOURCE: Final = 20  # an office may share one address
FIRST_LOCK: Final = timedelta(minutes=1)
LONGEST_LOCK: Final = timedelta(minutes=15)

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Login:
    """One browser that is signed in; the token itself is only in its cookie."""

    token_hash: str = field(repr=False)
    realm: str  # panel, portal
    staff_id: UUID | None
    service_id: UUID | None
    csrf_token: str = field(repr=False)
    origin: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    browser: str | None = None  # what it calls itself; anybody can write anything there


@dataclass(frozen=True, slots=True)
class Opened:
    """A new log-in, with the token for the cookie."""

    token: str = field(repr=False)
    login: Login


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The right e-mail and password of an active member of the staff."""

    staff: Staff
    opened: Opened


@dataclass(frozen=True, slots=True)
class WrongNameOrPassword:
    """One answer for an unknown e-mail, a wrong password and a person who may no longer sign in."""


@dataclass(frozen=True, slots=True)
class LockedOut:
    """Too many failures for that name or from that place; nothing was verified."""

    until_at: datetime


class Logins(Protocol):
    """The part of a store that signing in uses."""

    async def add(self, login: Login) -> None: ...

    async def end(self, token_hash: str) -> None: ...

    async def count_attempt(
        self, realm: str, key: str, now: datetime, lock: Callable[[int], timedelta]
    ) -> datetime | None:
        """Count one attempt, unless locked; return until when `key` is locked, None where the attempt may go on."""
        ...

    async def forget_attempts(self, realm: str, key: str) -> None: ...

    async def take_back_attempt(self, realm: str, key: str) -> None: ...

    async def staff_by_email_key(self, key: str) -> Staff | None: ...

    async def prune(self, now: datetime) -> None: ...


class Work(Protocol):
    @property
    def logins(self) -> Logins: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


def token_hash(token: str) -> str:
    """Return what the store keeps of a token; 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def random_token(entropy: Entropy) -> str:
    """Return 256 random bits for a cookie or a form."""
    return urlsafe_b64encode(entropy(TOKEN_OCTETS)).rstrip(b"=").decode()


def new_login(
    realm: str,
    origin: str,
    now: datetime,
    lifetime: timedelta,
    entropy: Entropy,
    *,
    staff_id: UUID | None = None,
    service_id: UUID | None = None,
) -> Opened:
    """Return a log-in with a token never used before, so that one planted earlier is worth nothing."""
    token = random_token(entropy)
    login = Login(
        token_hash(token), realm, staff_id, service_id, random_token(entropy), origin, now, now, now + lifetime
    )
    return Opened(token, login)


def lock_of(free_attempts: int) -> Callable[[int], timedelta]:
    """Return how long a number of failures locks: not at all up to `free_attempts`, then a minute, doubling to 15."""

    def lock(failures: int) -> timedelta:
        over = failures - free_attempts
        return timedelta() if over < 0 else min(FIRST_LOCK * 2 ** min(over, 10), LONGEST_LOCK)

    return lock


class Lockout:
    """Counts failures for each name and each source in one realm.

    An attempt is counted before its password is looked at and taken back when it was right: any number of guesses sent
    at once are still counted one by one.
    """

    def __init__(self, store: Store, realm: str) -> None:
        self._store = store
        self._realm = realm

    async def begin(self, name: str, source: str, now: datetime) -> datetime | None:
        """Count an attempt; return until when it is locked out, None where it may be judged."""
        async with self._store.write() as work:
            await work.logins.prune(now)
            waits = (
                await work.logins.count_attempt(self._realm, _source_key(source), now, lock_of(FREE_ATTEMPTS_SOURCE)),
                await work.logins.count_attempt(self._realm, _name_key(name), now, lock_of(FREE_ATTEMPTS_NAME)),
            )
        return max((wait for wait in waits if wait is not None), default=None)

    async def succeeded(self, name: str, source: str) -> None:
        """Forget the name's failures; of the source only this attempt, so that a success buys no more guesses."""
        async with self._store.write() as work:
            await work.logins.forget_attempts(self._realm, _name_key(name))
            await work.logins.take_back_attempt(self._realm, _source_key(source))


class SignIn:
    """Signs staff in to the panel."""

    realm: Final = "panel"

    def __init__(self, store: Store, passwords: Passwords, entropy: Entropy, lifetime: timedelta) -> None:
        self._store = store
        self._passwords = passwords
        self._entropy = entropy
        self._lifetime = lifetime
        self._lockout = Lockout(store, self.realm)
        self._nobodys_hash: str | None = None

    async def handle(
        self, email: str, password: str, source: str, now: datetime, *, replaces: str | None = None
    ) -> SignedIn | WrongNameOrPassword | LockedOut:
        """Return a new log-in, or why there is none.

        `source` is the client's address; `replaces` the token the browser came with, whose log-in ends.
        """
        key = email_key(email)
        if locked_until := await self._lockout.begin(key, source, now):
            return LockedOut(locked_until)
        async with self._store.read() as work:
            staff = await work.logins.staff_by_email_key(key)
        right = await self._verify(staff, password)
        if staff is None or not right or not staff.active:
            return WrongNameOrPassword()
        await self._lockout.succeeded(key, source)
        opened = new_login(self.realm, source, now, self._lifetime, self._entropy, staff_id=staff.id)
        async with self._store.write() as work:
            if replaces:
                await work.logins.end(token_hash(replaces))
            await work.logins.add(opened.login)
        return SignedIn(staff, opened)

    async def _verify(self, staff: Staff | None, password: str) -> bool:
        """Return whether the password is theirs; an unknown e-mail and an absurd password cost the same work."""
        if self._nobodys_hash is None:
            self._nobodys_hash = await self._passwords.hash(random_token(self._entropy))
        if staff is None or len(password.encode()) > LONGEST_PASSWORD:
            await self._passwords.verify(self._nobodys_hash, "")
            return False
        return await self._passwords.verify(staff.password_hash, password)


def _name_key(name: str) -> str:
    """Return a key of fixed length: what is typed as a name may be a password, and is not kept."""
    return "name:" + hashlib.sha256(name.encode()).hexdigest()


def _source_key(source: str) -> str:
    try:
        address = ip_address(source.partition("%")[0])
    except ValueError:
        return "source:" + source[:100]
    if isinstance(address, IPv6Address):  # one host has a whole /64 to come from
        return f"source:{ip_network((address, 64), strict=False)}"
    return f"source:{address}"
