"""Passkeys of staff (WebAuthn): made, named, taken away, and taken as proof of who signs in.

A proof is of this panel's address, of a challenge that was made for this very attempt and is good once, and of the
person having been asked by their device (a fingerprint, a PIN): so it stands for password and second factor together.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.passkey import Passkey, Site
from netbilld.model.staff import Staff
from netbilld.ports.changes import Changes
from netbilld.services import sign_in
from netbilld.services.sign_in import Entropy, LockedOut, Lockout, source_attempts_key

MOST_PASSKEYS: Final = 10  # of a person
LONGEST_NAME: Final = 60
CHALLENGE_OCTETS: Final = 32
CHALLENGE_LIFETIME: Final = timedelta(minutes=5)
PASSKEY_REALM: Final = "panel-passkey"
_CHALLENGES_OF_A_SOURCE: Final = 50  # an office may share one address
REGISTERING, SIGNING_IN, CONFIRMING = "register", "sign-in", "confirm"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What one attempt of one browser is asked to sign."""

    key: str  # hash of what the attempt belongs to
    challenge: bytes = field(repr=False)
    source: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewKey:
    """A passkey as a device has made it."""

    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Which passkey an answer says it is of; nothing of it is proven."""

    credential_id: bytes
    user_handle: bytes | None


@dataclass(frozen=True, slots=True)
class WrongPasskey:
    """One answer for every proof that does not hold: an unknown key, another's, an old challenge, another site."""


@dataclass(frozen=True, slots=True)
class DoubtfulPasskey:
    """A proof that holds, but the device's count has gone back: there may be a copy of the key."""


class Authenticators(Protocol):
    """The rules of WebAuthn; answers are what browsers write as JSON."""

    def creation(self, site: Site, member: Staff, challenge: bytes, known: Collection[bytes]) -> Mapping[str, Any]: ...

    def request(self, site: Site, challenge: bytes, allowed: Collection[bytes]) -> Mapping[str, Any]: ...

    def made(self, site: Site, challenge: bytes, answer: str) -> NewKey | None:
        """Return the key that was made for that challenge; None where the answer does not hold."""
        ...

    def claim(self, answer: str) -> Claim | None:
        """Return which passkey an answer is said to be of; None for what is none."""
        ...

    def proven_count(self, site: Site, challenge: bytes, answer: str, public_key: bytes) -> int | None:
        """Return the device's count where the answer proves that key; None where it does not."""
        ...


class PasskeyTable(Protocol):
    async def add(self, passkey: Passkey) -> None: ...

    async def of_staff(self, staff_id: UUID) -> Sequence[Passkey]: ...

    async def find(self, rp_id: str, credential_id: bytes) -> Passkey | None: ...

    async def use(self, passkey: Passkey, sign_count: int, now: datetime) -> bool: ...

    async def doubt(self, passkey_id: UUID, now: datetime) -> None: ...

    async def remove(self, staff_id: UUID, passkey_id: UUID | None = None) -> int: ...

    async def put_challenge(self, made: Challenge, most: int) -> None: ...

    async def take_challenge(self, key: str, now: datetime) -> bytes | None: ...


class StaffTable(Protocol):
    async def by_id(self, staff_id: UUID) -> Staff | None: ...

    async def put_recovery_codes(self, staff_id: UUID, code_hashes: Collection[str], now: datetime) -> None: ...

    async def end_logins(self, staff_id: UUID, *, keep_token_hash: str | None = None) -> None: ...


class Work(Protocol):
    @property
    def passkeys(self) -> PasskeyTable: ...

    @property
    def staff(self) -> StaffTable: ...

    @property
    def changes(self) -> Changes: ...

    @property
    def logins(self) -> sign_in.Logins: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Passkeys:
    """What a challenge belongs to is the token of a log-in, of half a one, or of a form: it is kept as a hash."""

    def __init__(
        self, store: Store, authenticators: Authenticators, entropy: Entropy, obliged: Collection[str] = ()
    ) -> None:
        """Prepare.

        Args:
            store: where passkeys are kept.
            authenticators: judges what browsers answer.
            entropy: makes challenges.
            obliged: roles that must have a second factor.
        """
        self._store, self._authenticators, self._entropy = store, authenticators, entropy
        self._obliged = frozenset(obliged)
        self._lockout = Lockout(store, PASSKEY_REALM)

    async def own(self, staff_id: UUID) -> Sequence[Passkey]:
        """Return somebody's passkeys, the oldest first."""
        async with self._store.read() as work:
            return await work.passkeys.of_staff(staff_id)

    async def begin(self, member: Staff, site: Site, token: str, source: str, now: datetime) -> Mapping[str, Any]:
        """Return what a browser needs to make a passkey for somebody, whose password was asked for before.

        Raises:
            RefusedError: they have as many as one may.
        """
        known = await self.own(member.id)
        if len(known) >= MOST_PASSKEYS:
            raise RefusedError("you have as many passkeys as one may", code="passkeys_many")
        challenge = await self._challenge(REGISTERING, token, source, now)
        here = [one.credential_id for one in known if one.rp_id == site.rp_id]
        return self._authenticators.creation(site, member, challenge, here)

    async def register(
        self, member: Staff, site: Site, token: str, answer: str, name: str, actor: Actor, now: datetime
    ) -> Passkey:
        """Put a new passkey on record; where it is the first second factor, every other browser is signed out.

        Raises:
            InvalidInputError: it has no name, or one too long.
            RefusedError: the answer does not hold, or the key is on record.
        """
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME:
            raise InvalidInputError(f"name the passkey in 1 to {LONGEST_NAME} letters", code="passkey_name")
        challenge = await self._taken(REGISTERING, token, now)
        made = None if challenge is None else self._authenticators.made(site, challenge, answer)
        if made is None:
            raise RefusedError("the passkey was not made for this page, or too late", code="passkey_wrong")
        passkey = Passkey(
            uuid4(), member.id, site.rp_id, made.credential_id, made.public_key, made.sign_count, name, now
        )
        async with self._store.write() as work:
            if len(await work.passkeys.of_staff(member.id)) >= MOST_PASSKEYS:
                raise RefusedError("you have as many passkeys as one may", code="passkeys_many")
            await work.passkeys.add(passkey)
            if not member.has_second_factor:
                await work.staff.end_logins(member.id, keep_token_hash=sign_in.token_hash(token))
            await _record(work, member, "staff.passkey.add", actor, now, name=name)
        return passkey

    async def remove_own(self, member: Staff, passkey_id: UUID, actor: Actor, now: datetime) -> None:
        """Take one of somebody's own passkeys away, whose password was asked for before.

        Raises:
            NotFoundError: there is none such of theirs.
            RefusedError: it is the last second factor of somebody whose role must have one.
        """
        async with self._store.write() as work:
            known = await work.passkeys.of_staff(member.id)
            mine = next((one for one in known if one.id == passkey_id), None)
            if mine is None:
                raise NotFoundError("this passkey is gone")
            is_last = len(known) == 1 and member.totp_since_at is None
            if is_last and member.role in self._obliged:
                raise RefusedError("your role must have a second factor", code="totp_obliged")
            await work.passkeys.remove(member.id, passkey_id)
            if is_last:
                await work.staff.put_recovery_codes(member.id, (), now)
            await _record(work, member, "staff.passkey.remove", actor, now, name=mine.name)

    async def remove_all(self, staff_id: UUID, actor: Actor, now: datetime) -> int:
        """Take all passkeys from somebody who lost them, and sign them out; return how many there were."""
        async with self._store.write() as work:
            member = await work.staff.by_id(staff_id)
            if member is None:
                raise NotFoundError("this staff user is gone")
            removed = await work.passkeys.remove(staff_id)
            if not removed:
                return 0
            if member.totp_since_at is None:
                await work.staff.put_recovery_codes(staff_id, (), now)
            await work.staff.end_logins(staff_id)
            await _record(work, member, "staff.passkey.remove", actor, now, count=removed)
        return removed

    async def ask(
        self, site: Site, token: str, source: str, now: datetime, *, member: Staff | None = None
    ) -> Mapping[str, Any]:
        """Return what a browser needs to prove a passkey: any that it has for this site, or one of `member`'s."""
        allowed: list[bytes] = []
        if member is not None:
            allowed = [one.credential_id for one in await self.own(member.id) if one.rp_id == site.rp_id]
        challenge = await self._challenge(SIGNING_IN if member is None else CONFIRMING, token, source, now)
        return self._authenticators.request(site, challenge, allowed)

    async def prove(
        self, site: Site, token: str, answer: str, source: str, now: datetime, *, member: Staff | None = None
    ) -> Staff | WrongPasskey | DoubtfulPasskey | LockedOut:
        """Return who has proven to be themselves; `member` is whose password was right, and nobody else will do.

        Attempts are counted for each passkey and for each source. A challenge is used up whatever comes of it.
        """
        claim = self._authenticators.claim(answer)
        counted = claim.credential_id.hex() if claim is not None else ""
        if locked_until := await self._lockout.begin(counted, source, now):
            return LockedOut(locked_until)
        challenge = await self._taken(SIGNING_IN if member is None else CONFIRMING, token, now)
        async with self._store.read() as work:
            passkey = None if claim is None else await work.passkeys.find(site.rp_id, claim.credential_id)
            owner = None if passkey is None else await work.staff.by_id(passkey.staff_id)
        if claim is None or passkey is None or owner is None or not owner.active or challenge is None:
            return WrongPasskey()
        # WebAuthn section 7.2, step 6: who is not known before is named by the device
        named = {owner.id.bytes} if member is None else {owner.id.bytes, None}
        if (member is not None and member.id != owner.id) or claim.user_handle not in named:
            return WrongPasskey()
        count = self._authenticators.proven_count(site, challenge, answer, passkey.public_key)
        if count is None:
            return WrongPasskey()
        actor = Actor(owner.email, source)
        if max(count, passkey.sign_count) > 0 and count <= passkey.sign_count:  # WebAuthn section 6.1.1
            async with self._store.write() as work:
                await work.passkeys.doubt(passkey.id, now)
                said = {"name": passkey.name, "count": count, "before": passkey.sign_count}
                await _record(work, owner, "staff.passkey.doubt", actor, now, **said)
            return DoubtfulPasskey()
        async with self._store.write() as work:
            if not await work.passkeys.use(passkey, count, now):
                return WrongPasskey()
        await self._lockout.succeeded(counted, source)
        return owner

    async def _challenge(self, purpose: str, token: str, source: str, now: datetime) -> bytes:
        challenge = self._entropy(CHALLENGE_OCTETS)
        kept = Challenge(_key(purpose, token), challenge, source_attempts_key(source), now, now + CHALLENGE_LIFETIME)
        async with self._store.write() as work:
            await work.passkeys.put_challenge(kept, _CHALLENGES_OF_A_SOURCE)
        return challenge

    async def _taken(self, purpose: str, token: str, now: datetime) -> bytes | None:
        async with self._store.write() as work:
            return await work.passkeys.take_challenge(_key(purpose, token), now)


def _key(purpose: str, token: str) -> str:
    return hashlib.sha256(f"{purpose}:{token}".encode()).hexdigest()


async def _record(work: Work, member: Staff, action: str, actor: Actor, now: datetime, **said: Any) -> None:
    await work.changes.record(actor, now, action, "staff", member.id, {"email": member.email, **said})
