"""Staff: who signs in to the panel."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import logins, recovery_codes, staff
from netbilld.model.errors import RefusedError
from netbilld.model.permissions import Role
from netbilld.model.staff import Staff, email_key


class StaffStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, added: Staff) -> None:
        """Store a new member of the staff.

        Raises:
            RefusedError: the e-mail address is another's.
        """
        try:
            await self._connection.execute(insert(staff).values(**_columns(asdict(added))))
        except IntegrityError:
            raise RefusedError(f"there is a staff user {added.email!r} already", code="email_taken") from None

    async def update(self, staff_id: UUID, fields: Mapping[str, Any]) -> None:
        """Set columns of a member of the staff.

        Raises:
            RefusedError: the e-mail address is another's.
        """
        try:
            await self._connection.execute(update(staff).where(staff.c.id == staff_id).values(**_columns(fields)))
        except IntegrityError:
            taken = fields.get("email")
            raise RefusedError(f"there is a staff user {taken!r} already", code="email_taken") from None

    async def by_id(self, staff_id: UUID) -> Staff | None:
        """Return a member of the staff."""
        return await self._one(staff.c.id == staff_id)

    async def by_email(self, email: str) -> Staff | None:
        """Return the member of the staff with that e-mail address, in any letter case."""
        return await self._one(staff.c.email_key == email_key(email))

    async def all(self) -> list[Staff]:
        """Return the whole staff, by e-mail address."""
        rows = (await self._connection.execute(select(staff).order_by(staff.c.email_key))).mappings()
        return [read_staff(row) for row in rows]

    async def count(self) -> int:
        """Return how many there are, active or not."""
        return int((await self._connection.scalar(select(func.count()).select_from(staff))) or 0)

    async def lock_active_admins(self) -> list[UUID]:
        """Return the active admins, and keep others from changing them until the transaction ends."""
        query = (
            select(staff.c.id)
            .where(staff.c.role == Role.ADMIN.value, staff.c.active)
            .order_by(staff.c.id)
            .with_for_update()
        )
        return list((await self._connection.execute(query)).scalars())

    async def end_logins(self, staff_id: UUID, *, keep_token_hash: str | None = None) -> None:
        """Sign a member of the staff out everywhere, but for one browser."""
        mine = logins.c.staff_id == staff_id
        await self._connection.execute(
            delete(logins).where(mine if keep_token_hash is None else mine & (logins.c.token_hash != keep_token_hash))
        )

    async def take_step(self, staff_id: UUID, step: int) -> bool:
        """Note that a code of this step was taken; False where one of it, or of a later one, was before."""
        later = (staff.c.id == staff_id, staff.c.totp_last_step < step)
        done = await self._connection.execute(update(staff).where(*later).values(totp_last_step=step))
        return bool(done.rowcount)

    async def take_recovery_code(self, staff_id: UUID, code_hash: str, now: datetime) -> bool:
        """Use up a recovery code; False where there is none, or it is used up."""
        good = (
            recovery_codes.c.staff_id == staff_id,
            recovery_codes.c.code_hash == code_hash,
            recovery_codes.c.used_at.is_(None),
        )
        done = await self._connection.execute(update(recovery_codes).where(*good).values(used_at=now))
        return bool(done.rowcount)

    async def put_recovery_codes(self, staff_id: UUID, code_hashes: Collection[str], now: datetime) -> None:
        """Replace somebody's recovery codes."""
        await self._connection.execute(delete(recovery_codes).where(recovery_codes.c.staff_id == staff_id))
        if code_hashes:
            rows = [{"staff_id": staff_id, "code_hash": code_hash, "created_at": now} for code_hash in code_hashes]
            await self._connection.execute(insert(recovery_codes), rows)

    async def recovery_codes_left(self, staff_id: UUID) -> int:
        """Return how many recovery codes are good."""
        good = (recovery_codes.c.staff_id == staff_id, recovery_codes.c.used_at.is_(None))
        return int(await self._connection.scalar(select(func.count()).select_from(recovery_codes).where(*good)) or 0)

    async def _one(self, condition: ColumnElement[bool]) -> Staff | None:
        row = (await self._connection.execute(select(staff).where(condition))).mappings().one_or_none()
        return read_staff(row) if row else None


def read_staff(row: Mapping[Any, Any]) -> Staff:
    """Return a member of the staff as a row of the table has them."""
    return Staff(**{**row, "role": Role(row["role"]), "areas": tuple(row["areas"] or ())})


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: value.value if isinstance(value, Role) else value for name, value in fields.items()}
    return values | ({"areas": list(values["areas"])} if "areas" in values else {})
