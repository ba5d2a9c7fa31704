"""The first start: the key is tied to the database, and somebody can sign in."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.errors import NetbilldError
from netbilld.model.permissions import Role
from netbilld.ports.changes import Changes
from netbilld.ports.passwords import Passwords
from netbilld.services import manage_staff
from netbilld.services.idempotency import Idempotency
from netbilld.services.manage_staff import ONE_TIME_ENTROPY_OCTETS, Collectors, ManageStaff, NewStaff, one_time_password

KEY_CHECK: Final = "key_check"
FIRST_ADMIN: Final = "admin@localhost"


class Meta(Protocol):
    async def get(self, key: str) -> str | None: ...

    async def put_new(self, key: str, value: str) -> None: ...


class StaffTable(manage_staff.StaffTable, Protocol):
    async def count(self) -> int: ...


class Work(Protocol):
    @property
    def meta(self) -> Meta: ...

    @property
    def staff(self) -> StaffTable: ...

    @property
    def changes(self) -> Changes: ...

    @property
    def collectors(self) -> Collectors: ...

    @property
    def idempotency(self) -> Idempotency: ...


class Reader(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class Store(Reader, Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Key(Protocol):
    """The key of `secret_key_file`, as far as proving it is the right one goes."""

    def check_value(self) -> str: ...

    def verify(self, check_value: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class FirstStaff:
    """The first member of the staff; `password` only where it was made here and must be told."""

    id: UUID
    email: str
    password: str | None = field(repr=False)


async def key_is_tied(database: Reader) -> bool:
    """Tell whether the database knows which key its secrets were sealed with."""
    async with database.read() as work:
        return await work.meta.get(KEY_CHECK) is not None


async def tie_key(database: Store, key: Key) -> None:
    """Write down which key the database's secrets are sealed with, unless that is known; then verify it.

    Raises:
        NetbilldError: the database was sealed with another key.
    """
    value = key.check_value()
    async with database.write() as work:
        await work.meta.put_new(KEY_CHECK, value)
    await verify_key(database, key)


async def verify_key(database: Reader, key: Key) -> None:
    """Do nothing where the key is the one that this database's secrets were sealed with.

    Raises:
        NetbilldError: it is another, or none was tied to the database yet.
    """
    async with database.read() as work:
        value = await work.meta.get(KEY_CHECK)
    if value is None:
        raise NetbilldError("no key is tied to this database yet", hint="run `netbilld init`", code="no_key")
    if not key.verify(value):
        raise NetbilldError(
            "secret_key_file holds another key than the one this database was sealed with",
            hint="restore the key file that belongs to this database",
            code="wrong_key",
        )


async def add_first_staff(
    database: Store,
    passwords: Passwords,
    actor: Actor,
    now: datetime,
    entropy: Callable[[int], bytes],
    *,
    email: str | None = None,
    password: str | None = None,
) -> FirstStaff | None:
    """Make the first admin, with a one-time password unless one is given; None where there is staff already."""
    async with database.read() as work:
        if await work.staff.count():
            return None
    told = password or one_time_password(entropy(ONE_TIME_ENTROPY_OCTETS))
    new = NewStaff(email or FIRST_ADMIN, told, Role.ADMIN.value, "Admin", one_time=password is None)
    member = await ManageStaff(database, passwords).make(new, now)
    async with database.write() as work:
        if await work.staff.count():  # another init was faster
            return None
        await work.staff.add(member)
        details = {"email": member.email, "role": member.role.value}
        await work.changes.record(actor, now, "staff.add", "staff", member.id, details)
    return FirstStaff(member.id, member.email, None if password else told)
