"""Adding and changing staff: who may sign in, with which rights, and their passwords."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.model.actor import Actor
from netbilld.model.contact import parse_email, parse_phone
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.permissions import Role
from netbilld.model.staff import Staff, email_key
from netbilld.ports.changes import Changes
from netbilld.ports.passwords import Passwords
from netbilld.services.areas import parse_areas
from netbilld.services.idempotency import Idempotency, digest
from netbilld.services.one_time_words import one_time_words
from netbilld.services.subscriber_fields import clean_text

SHORTEST_PASSWORD: Final = 10
LONGEST_PASSWORD: Final = 200
ONE_TIME_ENTROPY_OCTETS: Final = 20
_ADD: Final = "staff add"
_LOCALES: Final = ("id", "en")
_FOR_OTHERS_TO_SAY: Final = frozenset({"role", "areas", "active", "password"})


class StaffTable(Protocol):
    async def add(self, added: Staff) -> None: ...

    async def update(self, staff_id: UUID, fields: Mapping[str, Any]) -> None: ...

    async def by_id(self, staff_id: UUID) -> Staff | None: ...

    async def by_email(self, email: str) -> Staff | None: ...

    async def lock_active_admins(self) -> list[UUID]: ...

    async def end_logins(self, staff_id: UUID, *, keep_token_hash: str | None = None) -> None: ...


class Collectors(Protocol):
    async def rename_staff(self, before: str, after: str) -> None: ...


class Work(Protocol):
    @property
    def staff(self) -> StaffTable: ...

    @property
    def collectors(self) -> Collectors: ...

    @property
    def changes(self) -> Changes: ...

    @property
    def idempotency(self) -> Idempotency: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class NewStaff:
    """Who is to be added; `one_time` where somebody else made the password, so that it must be changed."""

    email: str
    password: str = field(repr=False)
    role: str
    name: str | None = None
    locale: str | None = None
    one_time: bool = False
    phone: str | None = None
    areas: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class StaffChanges:
    """What to set; None leaves a field as it is, empty text and no areas clear it.

    A `one_time` password must be changed at the next sign-in.
    """

    email: str | None = None
    name: str | None = None
    role: str | None = None
    locale: str | None = None
    active: bool | None = None
    password: str | None = field(default=None, repr=False)
    one_time: bool = False
    phone: str | None = None
    areas: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class OwnProfile:
    """What one may change about oneself; `password` is the current one, needed where the e-mail changes."""

    name: str
    email: str
    password: str = field(default="", repr=False)
    phone: str | None = None  # None leaves it, empty text clears it


class ManageStaff:
    """The use cases of staff; each is one transaction with its line in the audit trail."""

    def __init__(self, store: Store, passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords

    async def add(
        self, new: NewStaff, actor: Actor, now: datetime, idempotency_key: str | None = None
    ) -> tuple[Staff, bool]:
        """Make a member of the staff; return them, and whether the key says they had been made before.

        Raises:
            InvalidInputError: a field is wrong, or the password too short.
            RefusedError: the e-mail address is another's, or the key was used for something else.
        """
        member = await self.make(new, now)
        async with self._store.write() as work:
            if idempotency_key:
                request = {"email": member.email, "role": member.role.value, "name": new.name}
                if member.areas:
                    request["areas"] = "\n".join(member.areas)
                done = await work.idempotency.claim(idempotency_key, _ADD, digest(request), now)
                before = await work.staff.by_id(UUID(done["id"])) if done else None
                if before is not None:
                    return before, True
            await work.staff.add(member)
            if idempotency_key:
                await work.idempotency.complete(idempotency_key, _ADD, {"id": str(member.id)})
            details: dict[str, Any] = {"email": member.email, "role": member.role.value}
            if member.areas:
                details["areas"] = list(member.areas)
            await work.changes.record(actor, now, "staff.add", "staff", member.id, details)
        return member, False

    async def make(self, new: NewStaff, now: datetime) -> Staff:
        """Return a checked member of the staff, not yet stored; takes the time of one password hash."""
        email = parse_email(new.email)
        role = parse_role(new.role)
        name = clean_text("name", new.name or email.partition("@")[0], 200)
        areas = parse_areas(new.areas)
        _refuse_limited_admin(role, areas)
        return Staff(
            id=uuid4(),
            email=email,
            email_key=email_key(email),
            name=name,
            locale=_locale(new.locale) if new.locale else None,
            role=role,
            active=True,
            must_change_password=new.one_time,
            created_at=now,
            phone=_phone(new.phone or ""),
            areas=areas,
            password_hash=await self._passwords.hash(check_password(new.password, email)),
        )

    async def set(
        self, email: str, wanted: StaffChanges, actor: Actor, now: datetime, *, own_id: UUID | None = None
    ) -> list[str]:
        """Change a member of the staff; return the names of what did change.

        A new password, a deactivation, another role and other areas sign them out everywhere.

        Args:
            email: whom.
            wanted: what to set.
            actor: who does it.
            now: when.
            own_id: who does it, where that is a member of the staff: what oneself may do is for others to say.

        Raises:
            InvalidInputError: a field is wrong, or the password too short.
            NotFoundError: nobody has that e-mail address.
            RefusedError: nobody would be left who may do everything; the new e-mail address is another's; it is one's
                own role, areas or password; a main admin would be limited to areas.
        """
        columns: dict[str, Any] = {}
        if wanted.email is not None:
            new_email = parse_email(wanted.email)
            columns |= {"email": new_email, "email_key": email_key(new_email)}
        if wanted.name is not None:
            columns["name"] = clean_text("name", wanted.name, 200)
        if wanted.role is not None:
            columns["role"] = parse_role(wanted.role)
        if wanted.locale is not None:
            columns["locale"] = _locale(wanted.locale)
        if wanted.active is not None:
            columns["active"] = wanted.active
        if wanted.phone is not None:
            columns["phone"] = _phone(wanted.phone)
        if wanted.areas is not None:
            columns["areas"] = parse_areas(wanted.areas)
        password_hash = None
        if wanted.password is not None:  # before the transaction: a hash takes its time
            password_hash = await self._passwords.hash(check_password(wanted.password, email))
        async with self._store.write() as work:
            member = await work.staff.by_email(email)
            if member is None:
                raise NotFoundError(f"no staff user has the e-mail {email!r}", hint="`netbilld staff list` shows them")
            columns = {name: value for name, value in columns.items() if value != getattr(member, name)}
            changed = {name for name in columns if name != "email_key"}
            if password_hash is not None:
                columns |= {"password_hash": password_hash, "must_change_password": wanted.one_time}
                changed.add("password")
            if not columns:
                return []
            if member.id == own_id and changed & _FOR_OTHERS_TO_SAY:
                raise RefusedError("what you may do is for another admin to say", code="own_role")
            _refuse_limited_admin(columns.get("role", member.role), columns.get("areas", member.areas))
            if columns.get("active") is False or columns.get("role", Role.ADMIN) is not Role.ADMIN:
                await _keep_an_admin(work, member)
            if "email_key" in columns and await work.staff.by_email(columns["email"]) is not None:
                raise RefusedError(f"there is a staff user {columns['email']!r} already", code="email_taken")
            await work.staff.update(member.id, columns)
            if "email" in columns:
                await work.collectors.rename_staff(member.email, columns["email"])
            if changed & _FOR_OTHERS_TO_SAY:
                await work.staff.end_logins(member.id)
            details = {"email": member.email, "fields": _before_and_after(member, columns, changed)}
            await work.changes.record(actor, now, "staff.set", "staff", member.id, details)
        return sorted(changed)

    async def change_own_profile(self, staff_id: UUID, wanted: OwnProfile, actor: Actor, now: datetime) -> list[str]:
        """Change one's own name, telephone and e-mail address, and nothing else; return the names of what did change.

        Raises:
            InvalidInputError: there is no name, or the e-mail is no address.
            RefusedError: the password is not theirs, or the e-mail address is another's.
        """
        email, name = parse_email(wanted.email), clean_text("name", wanted.name, 200)
        if not name:
            raise InvalidInputError("there is no name", code="name_missing")
        async with self._store.read() as work:
            member = await work.staff.by_id(staff_id)
        if member is None:
            raise NotFoundError("this staff user is gone")
        columns: dict[str, Any] = {} if name == member.name else {"name": name}
        if wanted.phone is not None and (phone := _phone(wanted.phone)) != member.phone:
            columns["phone"] = phone
        if email != member.email:
            if not await self._passwords.verify(member.password_hash, wanted.password[: LONGEST_PASSWORD + 1]):
                raise RefusedError("the current password is not right", code="wrong_current_password")
            columns |= {"email": email, "email_key": email_key(email)}
        if not columns:
            return []
        changed = sorted(columns.keys() - {"email_key"})
        async with self._store.write() as work:
            current = await work.staff.by_id(staff_id)
            if current is None or current.password_hash != member.password_hash:
                raise RefusedError("the password was changed meanwhile", code="wrong_current_password")
            await work.staff.update(staff_id, columns)
            if "email" in columns:
                await work.collectors.rename_staff(member.email, email)
            details = {"email": member.email, "fields": _before_and_after(member, columns, changed)}
            await work.changes.record(actor, now, "staff.set", "staff", staff_id, details)
        return changed

    async def change_own_password(
        self, staff_id: UUID, old: str, new: str, actor: Actor, now: datetime, *, keep_token_hash: str | None = None
    ) -> None:
        """Change one's own password; every other browser of theirs is signed out.

        Raises:
            InvalidInputError: the new password is too short, or the old one again.
            RefusedError: the old password is not theirs.
        """
        async with self._store.read() as work:
            member = await work.staff.by_id(staff_id)
        if member is None or not await self._passwords.verify(member.password_hash, old[: LONGEST_PASSWORD + 1]):
            raise RefusedError("the old password is not right", code="wrong_password")
        if old == new:
            raise InvalidInputError("the new password is the old one")
        password_hash = await self._passwords.hash(check_password(new, member.email))
        async with self._store.write() as work:
            current = await work.staff.by_id(staff_id)
            if current is None or current.password_hash != member.password_hash:
                raise RefusedError("the password was changed by someone else meanwhile", code="wrong_password")
            await work.staff.update(staff_id, {"password_hash": password_hash, "must_change_password": False})
            await work.staff.end_logins(staff_id, keep_token_hash=keep_token_hash)
            details = {"email": member.email, "fields": {"password": "changed"}}
            await work.changes.record(actor, now, "staff.set", "staff", staff_id, details)


def check_password(password: str, email: str) -> str:
    """Return a password that is long enough to be one: ten characters, of at least four kinds, not the e-mail."""
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInputError(f"the password has fewer than {SHORTEST_PASSWORD} characters")
    if len(password) > LONGEST_PASSWORD:
        raise InvalidInputError(f"the password has more than {LONGEST_PASSWORD} characters")
    if len(set(password)) < 4 or email_key(password) == email_key(email):
        raise InvalidInputError("the password is too easy to guess", hint="take a few words that nobody connects")
    return password


def parse_role(text: str) -> Role:
    """Return the role of that name."""
    try:
        return Role(text.strip().lower())
    except ValueError:
        raise InvalidInputError(f"role {text!r} is not known; allowed: {', '.join(Role)}") from None


def one_time_password(entropy: bytes) -> str:
    """Return a password to be read out once, made from 20 random octets: about 99 bits."""
    return one_time_words(entropy, 5)


async def _keep_an_admin(work: Work, member: Staff) -> None:
    if member.role is Role.ADMIN and member.active and await work.staff.lock_active_admins() == [member.id]:
        raise RefusedError(
            f"{member.email} is the last active admin", hint="make somebody else admin first", code="last_admin"
        )


def _locale(text: str) -> str:
    if text not in _LOCALES:
        raise InvalidInputError(f"locale {text!r} is not known; allowed: {', '.join(_LOCALES)}")
    return text


def _phone(text: str) -> str | None:
    return parse_phone(text) if text.strip() else None


def _refuse_limited_admin(role: Role, areas: Sequence[str]) -> None:
    """Refuse an admin who may not see everything: they decide about everybody, themselves included."""
    if role is Role.ADMIN and areas:
        raise RefusedError("a main admin is not limited to areas", hint="give another role", code="admin_limited")


def _before_and_after(member: Staff, columns: Mapping[str, Any], changed: Iterable[str]) -> dict[str, Any]:
    """Return what the audit trail says of changed fields: from what to what, and of a password only that it is new."""

    def plain(value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Role) else value

    return {
        name: [plain(getattr(member, name)), plain(columns[name])] if name in columns else "changed"
        for name in sorted(changed)
    }
