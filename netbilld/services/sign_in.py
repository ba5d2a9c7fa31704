"""Signing in: attempts counted before they are judged, passwords verified off the loop, tokens kept only as hashes.

Where a second factor is in use, the right password opens half a log-in: a token of a realm of its own, good for a few
minutes and for nothing but a code.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.staff import Staff, email_key
from netbilld.ports.changes import Changes
from netbilld.ports.passwords import Passwords

TOKEN_OCTETS: Final = 32
LONGEST_PASSWORD: Final = 1024  # octets are cheap to send and dear to hash
FORGET_AFTER: Final = timedelta(hours=1)
FREE_ATTEMPTS_NAME: Final = 5
FREE_ATTEMPTS_SOURCE: Final = 20  # an office may share one address
FIRST_LOCK: Final = timedelta(minutes=1)
LONGEST_LOCK: Final = timedelta(minutes=15)
HALF_REALM: Final = "panel-code"  # the password was right, a code is still asked for
HALF_LIFETIME: Final = timedelta(minutes=5)
LONGEST_BROWSER: Final = 200

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
class CodeNeeded:
    """The right e-mail and password of somebody with a second factor; `opened` is half a log-in."""

    opened: Opened


@dataclass(frozen=True, slots=True)
class WrongCode:
    """Not the code of now, or one that was taken before."""


@dataclass(frozen=True, slots=True)
class TooLate:
    """There is no half log-in, or no longer: back to the password."""


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

    async def find_half(self, realm: str, token_hash: str, now: datetime) -> Staff | None:
        """Return whose half log-in that is, while it lasts and they are active."""
        ...

    async def end_of_staff(self, staff_id: UUID, *, but: str | None = None) -> int:
        """End every log-in of a person, except the one with the token hash `but`; return how many."""
        ...

    async def prune(self, now: datetime) -> None: ...


class Codes(Protocol):
    """Second factors."""

    async def verify(self, staff_id: UUID, code: str, now: datetime) -> bool: ...


class Work(Protocol):
    @property
    def logins(self) -> Logins: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class AuditedWork(Work, Protocol):
    @property
    def changes(self) -> Changes: ...


class AuditedStore(Protocol):
    """A store where log-ins are written down, too."""

    def read(self) -> AbstractAsyncContextManager[AuditedWork]: ...

    def write(self) -> AbstractAsyncContextManager[AuditedWork]: ...


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
    browser: str = "",
) -> Opened:
    """Return a log-in with a token never used before, so that one planted earlier is worth nothing."""
    token = random_token(entropy)
    login = Login(
        token_hash(token),
        realm,
        staff_id,
        service_id,
        random_token(entropy),
        origin,
        now,
        now,
        now + lifetime,
        "".join(sign for sign in browser if sign.isprintable())[:LONGEST_BROWSER] or None,
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
                await work.logins.count_attempt(
                    self._realm, source_attempts_key(source), now, lock_of(FREE_ATTEMPTS_SOURCE)
                ),
                await work.logins.count_attempt(self._realm, name_attempts_key(name), now, lock_of(FREE_ATTEMPTS_NAME)),
            )
        return max((wait for wait in waits if wait is not None), default=None)

    async def succeeded(self, name: str, source: str) -> None:
        """Forget the name's failures; of the source only this attempt, so that a success buys no more guesses."""
        async with self._store.write() as work:
            await work.logins.forget_attempts(self._realm, name_attempts_key(name))
            await work.logins.take_back_attempt(self._realm, source_attempts_key(source))


class SignIn:
    """Signs staff in to the panel."""

    realm: Final = "panel"

    def __init__(
        self,
        store: AuditedStore,
        passwords: Passwords,
        entropy: Entropy,
        lifetime: timedelta,
        codes: Codes | None = None,
        *,
        one_at_a_time: bool = False,
    ) -> None:
        """Prepare.

        Args:
            store: where log-ins are kept.
            passwords: verifies them.
            entropy: makes tokens.
            lifetime: of a log-in.
            codes: verifies second factors; without it nobody who has one gets in.
            one_at_a_time: a new log-in ends the person's others, wherever they are.
        """
        self._store = store
        self._passwords = passwords
        self._entropy = entropy
        self._lifetime = lifetime
        self._codes = codes
        self._one_at_a_time = one_at_a_time
        self._lockout = Lockout(store, self.realm)
        self._code_lockout = Lockout(store, HALF_REALM)
        self._nobodys_hash: str | None = None

    async def handle(
        self, email: str, password: str, source: str, now: datetime, *, replaces: str | None = None, browser: str = ""
    ) -> SignedIn | CodeNeeded | WrongNameOrPassword | LockedOut:
        """Return a new log-in, half a one, or why there is none.

        `source` is the client's address; `replaces` the token the browser came with, whose log-in ends; `browser` what
        it calls itself.
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
        if not staff.has_second_factor:
            return SignedIn(staff, await self._open(staff, source, now, replaces, browser))
        half = new_login(HALF_REALM, source, now, HALF_LIFETIME, self._entropy, staff_id=staff.id, browser=browser)
        async with self._store.write() as work:
            await work.logins.add(half.login)
        return CodeNeeded(half)

    async def whose_half(self, half: str | None, now: datetime) -> Staff | None:
        """Return whose half log-in a browser has; None where it is none, or no longer."""
        if not half:
            return None
        async with self._store.read() as work:
            return await work.logins.find_half(HALF_REALM, token_hash(half), now)

    async def admit(
        self,
        staff: Staff,
        source: str,
        now: datetime,
        *,
        half: str | None = None,
        replaces: str | None = None,
        browser: str = "",
    ) -> SignedIn:
        """Return a whole log-in for somebody whose passkey has proven who they are; half a one of theirs ends."""
        hashed = token_hash(half) if half else None
        return SignedIn(staff, await self._open(staff, source, now, replaces, browser, half=hashed, by="passkey"))

    async def finish(
        self, half: str | None, code: str, source: str, now: datetime, *, replaces: str | None = None, browser: str = ""
    ) -> SignedIn | WrongCode | TooLate | LockedOut:
        """Return the whole log-in for half a one and the code of now; the half is good for one whole.

        Codes are counted for each person wherever they come from, so that the password alone buys few guesses.
        """
        hashed, staff = token_hash(half or ""), await self.whose_half(half, now)
        if staff is None or self._codes is None:
            return TooLate()
        if locked_until := await self._code_lockout.begin(str(staff.id), source, now):
            return LockedOut(locked_until)
        if not await self._codes.verify(staff.id, code, now):
            return WrongCode()
        await self._code_lockout.succeeded(str(staff.id), source)
        return SignedIn(staff, await self._open(staff, source, now, replaces, browser, half=hashed))

    async def _open(
        self,
        staff: Staff,
        source: str,
        now: datetime,
        replaces: str | None,
        browser: str,
        *,
        half: str | None = None,
        by: str = "",
    ) -> Opened:
        opened = new_login(self.realm, source, now, self._lifetime, self._entropy, staff_id=staff.id, browser=browser)
        async with self._store.write() as work:
            if half:
                await work.logins.end(half)
            if replaces:
                await work.logins.end(token_hash(replaces))
            ended = await work.logins.end_of_staff(staff.id) if self._one_at_a_time else 0
            await work.logins.add(opened.login)
            details = {"email": staff.email} | ({"ended": ended} if ended else {}) | ({"by": by} if by else {})
            await work.changes.record(Actor(staff.email, source), now, "staff.sign_in", "staff", staff.id, details)
        return opened

    async def _verify(self, staff: Staff | None, password: str) -> bool:
        """Return whether the password is theirs; an unknown e-mail and an absurd password cost the same work."""
        if self._nobodys_hash is None:
            self._nobodys_hash = await self._passwords.hash(random_token(self._entropy))
        if staff is None or len(password.encode()) > LONGEST_PASSWORD:
            await self._passwords.verify(self._nobodys_hash, "")
            return False
        return await self._passwords.verify(staff.password_hash, password)


def name_attempts_key(name: str) -> str:
    """Return a key of fixed length: what is typed as a name may be a password, and is not kept."""
    return "name:" + hashlib.sha256(name.encode()).hexdigest()


def source_attempts_key(source: str) -> str:
    """Return the key that attempts from an address are counted under."""
    try:
        address = ip_address(source.partition("%")[0])
    except ValueError:
        return "source:" + source[:100]
    if isinstance(address, IPv6Address):  # one host has a whole /64 to come from
        return f"source:{ip_network((address, 64), strict=False)}"
    return f"source:{address}"
