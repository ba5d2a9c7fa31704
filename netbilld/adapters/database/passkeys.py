"""Passkeys, and the challenges that are to be signed with them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import passkey_challenges, passkeys, staff
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.errors import RefusedError
from netbilld.model.passkey import Passkey
from netbilld.services.passkeys import MOST_PASSKEYS, Challenge


class PasskeyStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, passkey: Passkey) -> None:
        """Store a new passkey.

        Raises:
            RefusedError: that very key is on record.
        """
        values = {name: getattr(passkey, name) for name in Passkey.__dataclass_fields__}
        try:
            await self._connection.execute(insert(passkeys).values(**values))
        except IntegrityError:
            raise RefusedError("this passkey is on record already", code="passkey_known") from None
        await self._note_since(passkey.staff_id)

    async def of_staff(self, staff_id: UUID) -> list[Passkey]:
        """Return somebody's passkeys, the oldest first."""
        query = select(passkeys).where(passkeys.c.staff_id == staff_id).order_by(passkeys.c.created_at, passkeys.c.id)
        rows = await self._connection.execute(query.limit(MOST_PASSKEYS + 1))
        return [Passkey(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name

    async def find(self, rp_id: str, credential_id: bytes) -> Passkey | None:
        """Return the passkey that a device calls so and that was made for that host."""
        query = select(passkeys).where(passkeys.c.rp_id == rp_id, passkeys.c.credential_id == credential_id)
        row = (await self._connection.execute(query)).first()
        return None if row is None else Passkey(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name

    async def use(self, passkey: Passkey, sign_count: int, now: datetime) -> bool:
        """Note a proof by that passkey; False where another proof has moved its count meanwhile, or it is gone."""
        same = (passkeys.c.id == passkey.id, passkeys.c.sign_count == passkey.sign_count)
        done = await self._connection.execute(update(passkeys).where(*same).values(sign_count=sign_count, used_at=now))
        return bool(done.rowcount)

    async def doubt(self, passkey_id: UUID, now: datetime) -> None:
        """Note that its count has gone back."""
        await self._connection.execute(update(passkeys).where(passkeys.c.id == passkey_id).values(doubted_at=now))

    async def remove(self, staff_id: UUID, passkey_id: UUID | None = None) -> int:
        """Remove one of somebody's passkeys, or all; return how many."""
        mine = [passkeys.c.staff_id == staff_id]
        if passkey_id is not None:
            mine.append(passkeys.c.id == passkey_id)
        removed = (await self._connection.execute(delete(passkeys).where(*mine))).rowcount
        await self._note_since(staff_id)
        return removed

    async def put_challenge(self, made: Challenge, most: int) -> None:
        """Keep a challenge in place of the one its attempt had; of one source the newest `most` stay."""
        table = passkey_challenges
        await self._connection.execute(delete(table).where(table.c.expires_at <= made.created_at))
        values = {
            "challenge": made.challenge,
            "source": made.source,
            "created_at": made.created_at,
            "expires_at": made.expires_at,
        }
        statement = insert_into(self._connection, table).values(key=made.key, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))
        newest = (
            select(table.c.key)
            .where(table.c.source == made.source)
            .order_by(table.c.created_at.desc(), table.c.key)
            .offset(most)
            .limit(most)
        )
        older = list((await self._connection.execute(newest)).scalars())
        if older:
            await self._connection.execute(delete(table).where(table.c.key.in_(older)))

    async def take_challenge(self, key: str, now: datetime) -> bytes | None:
        """Return what an attempt was asked to sign, which is then no longer good; None where there is nothing."""
        table = passkey_challenges
        taken = delete(table).where(table.c.key == key).returning(table.c.challenge, table.c.expires_at)
        row = (await self._connection.execute(taken)).first()
        return None if row is None or row.expires_at <= now else bytes(row.challenge)

    async def _note_since(self, staff_id: UUID) -> None:
        """Have the person's own row say what their passkeys say; every request reads that row anyway."""
        oldest = select(func.min(passkeys.c.created_at)).where(passkeys.c.staff_id == staff_id).scalar_subquery()
        await self._connection.execute(update(staff).where(staff.c.id == staff_id).values(passkey_since_at=oldest))
