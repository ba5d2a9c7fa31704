"""A second proof of who signs in: codes of a generator (RFC 6238), and recovery codes for when it is lost.

Passkeys are the other second factor (netbilld.services.passkeys); recovery codes stand in for either.
"""

import hashlib
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.permissions import Role
from netbilld.model.staff import Staff
from netbilld.model.totp import DIGITS, SECRET_OCTETS, digits_of, key_uri, matching_step, secret_text
from netbilld.ports.changes import Changes
from netbilld.services.one_time_words import one_time_words
from netbilld.services.sign_in import Entropy

RECOVERY_CODES: Final = 10
_CODE_ENTROPY_OCTETS: Final = 16
_LONGEST_CODE: Final = 64


class StaffTable(Protocol):
    async def by_id(self, staff_id: UUID) -> Staff | None: ...

    async def update(self, staff_id: UUID, fields: dict[str, Any]) -> None: ...

    async def take_step(self, staff_id: UUID, step: int) -> bool:
        """Note that a code of this step was taken; False where one of it, or of a later one, was before."""
        ...

    async def take_recovery_code(self, staff_id: UUID, code_hash: str, now: datetime) -> bool:
        """Use up a recovery code; False where there is none, or it is used up."""
        ...

    async def put_recovery_codes(self, staff_id: UUID, code_hashes: Collection[str], now: datetime) -> None:
        """Replace somebody's recovery codes."""
        ...

    async def recovery_codes_left(self, staff_id: UUID) -> int: ...

    async def end_logins(self, staff_id: UUID, *, keep_token_hash: str | None = None) -> None: ...


class Work(Protocol):
    @property
    def staff(self) -> StaffTable: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Box(Protocol):
    def seal(self, clear: bytes, place: str) -> bytes: ...

    def open(self, sealed: bytes, place: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a code generator is told: as the text of a QR code, and to be typed."""

    uri: str = field(repr=False)
    secret: str = field(repr=False)


class SecondFactor:
    """Secrets are sealed at rest, recovery codes are kept as hashes; nothing of either is in the audit trail."""

    def __init__(self, store: Store, box: Box, entropy: Entropy, issuer: str, roles: Collection[Role] = ()) -> None:
        """Prepare.

        Args:
            store: where the staff is kept.
            box: seals secrets.
            entropy: makes them.
            issuer: what generators call this place.
            roles: those who must have a second factor.
        """
        self._store, self._box, self._entropy, self._issuer = store, box, entropy, issuer
        self._roles = frozenset(roles)

    def is_owed(self, member: Staff) -> bool:
        """Return whether somebody must set a second factor up before anything else."""
        return member.role in self._roles and not member.has_second_factor

    def is_obliged(self, member: Staff) -> bool:
        """Return whether somebody's role must have one."""
        return member.role in self._roles

    async def begin(self, staff_id: UUID) -> None:
        """Make a new secret for somebody who has none in use; nothing is asked for until they confirm it.

        Raises:
            RefusedError: one is in use.
        """
        secret = self._entropy(SECRET_OCTETS)
        async with self._store.write() as work:
            member = await _member(work, staff_id)
            if member.totp_since_at is not None:
                raise RefusedError("a second factor is in use", code="totp_in_use")
            await work.staff.update(staff_id, {"totp_sealed": self._box.seal(secret, _place(staff_id))})

    def enrolment(self, member: Staff) -> Enrolment | None:
        """Return what to tell the generator while it is not confirmed; never afterwards."""
        if member.totp_sealed is None or member.totp_since_at is not None:
            return None
        secret = self._box.open(member.totp_sealed, _place(member.id))
        return Enrolment(key_uri(secret, member.email, self._issuer), secret_text(secret))

    async def confirm(
        self, staff_id: UUID, code: str, actor: Actor, now: datetime, *, keep_token_hash: str | None = None
    ) -> Sequence[str]:
        """Put the new secret into use, as its generator works; return the recovery codes, which are shown only now.

        Every other browser of theirs is signed out.

        Raises:
            RefusedError: the code is not of the new secret, or there is none to confirm.
        """
        async with self._store.write() as work:
            member = await _member(work, staff_id)
            if member.totp_sealed is None or member.totp_since_at is not None:
                raise RefusedError("there is no new second factor to confirm", code="totp_not_begun")
            step = matching_step(self._box.open(member.totp_sealed, _place(staff_id)), code, now, member.totp_last_step)
            if step is None or not await work.staff.take_step(staff_id, step):
                raise RefusedError("the code is not right", code="totp_wrong")
            codes = await self._new_codes(work, staff_id, now)
            await work.staff.update(staff_id, {"totp_since_at": now})
            await work.staff.end_logins(staff_id, keep_token_hash=keep_token_hash)
            await _record(work, member, "staff.second_factor.on", actor, now)
        return codes

    async def verify(self, staff_id: UUID, code: str, now: datetime) -> bool:
        """Take a code of the generator, or a recovery code, once; False where it is neither."""
        typed = digits_of(code[:_LONGEST_CODE])
        async with self._store.write() as work:
            member = await work.staff.by_id(staff_id)
            if member is None or not member.has_second_factor:
                return False
            if len(typed) == DIGITS and typed.isdecimal():
                if member.totp_sealed is None or member.totp_since_at is None:
                    return False
                secret = self._box.open(member.totp_sealed, _place(staff_id))
                step = matching_step(secret, typed, now, member.totp_last_step)
                return step is not None and await work.staff.take_step(staff_id, step)
            taken = await work.staff.take_recovery_code(staff_id, _code_hash(staff_id, typed), now)
            if taken:
                left = await work.staff.recovery_codes_left(staff_id)
                await _record(work, member, "staff.recovery_code", Actor(member.email, "sign-in"), now, left=left)
            return taken

    async def codes_left(self, staff_id: UUID) -> int:
        """Return how many recovery codes are good."""
        async with self._store.read() as work:
            return await work.staff.recovery_codes_left(staff_id)

    async def first_codes(self, staff_id: UUID, actor: Actor, now: datetime) -> Sequence[str]:
        """Return recovery codes for somebody whose first second factor is a passkey; none where they have some."""
        async with self._store.write() as work:
            member = await _member(work, staff_id)
            if not member.has_second_factor or await work.staff.recovery_codes_left(staff_id):
                return ()
            codes = await self._new_codes(work, staff_id, now)
            await _record(work, member, "staff.recovery_codes", actor, now)
        return codes

    async def renew_codes(self, staff_id: UUID, code: str, actor: Actor, now: datetime) -> Sequence[str]:
        """Return new recovery codes in place of the old; a code of the generator, or an old one, is needed.

        Raises:
            RefusedError: the code is not right.
        """
        if not await self.verify(staff_id, code, now):
            raise RefusedError("the code is not right", code="totp_wrong")
        async with self._store.write() as work:
            codes = await self._new_codes(work, staff_id, now)
            await _record(work, await _member(work, staff_id), "staff.recovery_codes", actor, now)
        return codes

    async def remove_own(self, staff_id: UUID, code: str, actor: Actor, now: datetime) -> None:
        """Ask for no code any more.

        Raises:
            RefusedError: the code is not right, or it is all that somebody has whose role must have a second factor.
        """
        async with self._store.read() as work:
            member = await _member(work, staff_id)
        if self.is_obliged(member) and member.passkey_since_at is None:
            raise RefusedError("your role must have a second factor", code="totp_obliged")
        if not await self.verify(staff_id, code, now):
            raise RefusedError("the code is not right", code="totp_wrong")
        await self._remove(staff_id, actor, now)

    async def reset(self, staff_id: UUID, actor: Actor, now: datetime) -> bool:
        """Take the second factor from somebody who lost it, and sign them out; False where there was none."""
        return await self._remove(staff_id, actor, now, signs_out=True)

    async def _remove(self, staff_id: UUID, actor: Actor, now: datetime, *, signs_out: bool = False) -> bool:
        async with self._store.write() as work:
            member = await _member(work, staff_id)
            if member.totp_sealed is None:
                return False
            await work.staff.update(staff_id, {"totp_sealed": None, "totp_since_at": None})
            if member.passkey_since_at is None:
                await work.staff.put_recovery_codes(staff_id, (), now)
            if signs_out:
                await work.staff.end_logins(staff_id)
            await _record(work, member, "staff.second_factor.off", actor, now)
        return True

    async def _new_codes(self, work: Work, staff_id: UUID, now: datetime) -> Sequence[str]:
        codes = [one_time_words(self._entropy(_CODE_ENTROPY_OCTETS), 4) for _ in range(RECOVERY_CODES)]
        await work.staff.put_recovery_codes(staff_id, [_code_hash(staff_id, code) for code in codes], now)
        return codes


def _place(staff_id: UUID) -> str:
    """Return where a sealed secret belongs."""
    return f"staff.totp:{staff_id}"


def _code_hash(staff_id: UUID, code: str) -> str:
    """Return what is kept of a recovery code; some 79 random bits need no slow hash."""
    plain = "".join(sign for sign in code.lower() if sign.isalnum())
    return hashlib.sha256(f"{staff_id}:{plain}".encode()).hexdigest()


async def _member(work: Work, staff_id: UUID) -> Staff:
    member = await work.staff.by_id(staff_id)
    if member is None:
        raise NotFoundError("this staff user is gone")
    return member


async def _record(work: Work, member: Staff, action: str, actor: Actor, now: datetime, **said: Any) -> None:
    await work.changes.record(actor, now, action, "staff", member.id, {"email": member.email, **said})
