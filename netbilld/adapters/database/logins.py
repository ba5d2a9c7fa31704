"""Log-ins of the panel and the portal, and the count of failed attempts."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.queries import escaped
from netbilld.adapters.database.staff import read_staff
from netbilld.adapters.database.tables import login_failures, logins, services, staff
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.staff import Staff
from netbilld.services.sign_in import FORGET_AFTER, Login

_MOST_SHOWN: Final = 50


class LoginStore:
    """Log-ins by the hash of their token; a token is in no query and no row."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, login: Login) -> None:
        """Keep a new log-in."""
        await self._connection.execute(
            insert(logins).values(
                token_hash=login.token_hash,
                realm=login.realm,
                staff_id=login.staff_id,
                service_id=login.service_id,
                csrf_token=login.csrf_token,
                origin=login.origin,
                created_at=login.created_at,
                last_seen_at=login.last_seen_at,
                expires_at=login.expires_at,
                browser=login.browser,
            )
        )

    async def find(self, realm: str, token_hash: str, now: datetime) -> Login | None:
        """Return the log-in with that token while it lasts."""
        row = (
            await self._connection.execute(
                select(logins).where(
                    logins.c.token_hash == token_hash, logins.c.realm == realm, logins.c.expires_at > now
                )
            )
        ).first()
        return None if row is None else Login(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name

    async def find_staff(self, token_hash: str, now: datetime) -> tuple[Login, Staff] | None:
        """Return a panel log-in with its person, while it lasts and the person is active."""
        login = await self.find("panel", token_hash, now)
        if login is None or login.staff_id is None:
            return None
        row = (
            await self._connection.execute(select(staff).where(staff.c.id == login.staff_id, staff.c.active))
        ).first()
        return None if row is None else (login, read_staff(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name

    async def staff_by_email_key(self, key: str) -> Staff | None:
        """Return the person with that e-mail, active or not."""
        row = (await self._connection.execute(select(staff).where(staff.c.email_key == key))).first()
        return None if row is None else read_staff(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name

    async def touch(self, token_hash: str, now: datetime) -> None:
        """Note that the log-in was used."""
        await self._connection.execute(update(logins).where(logins.c.token_hash == token_hash).values(last_seen_at=now))

    async def end(self, token_hash: str) -> None:
        """End one log-in."""
        await self._connection.execute(delete(logins).where(logins.c.token_hash == token_hash))

    async def find_half(self, realm: str, token_hash: str, now: datetime) -> Staff | None:
        """Return whose half log-in that is, while it lasts and they are active."""
        login = await self.find(realm, token_hash, now)
        if login is None or login.staff_id is None:
            return None
        row = (
            await self._connection.execute(select(staff).where(staff.c.id == login.staff_id, staff.c.active))
        ).first()
        return None if row is None else read_staff(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name

    async def of_staff(self, staff_id: UUID, now: datetime) -> list[Login]:
        """Return where somebody is signed in to the panel, the last used first."""
        query = (
            select(logins)
            .where(logins.c.staff_id == staff_id, logins.c.realm == "panel", logins.c.expires_at > now)
            .order_by(logins.c.last_seen_at.desc(), logins.c.token_hash)
            .limit(_MOST_SHOWN)
        )
        rows = await self._connection.execute(query)
        return [Login(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name

    async def end_of_staff(self, staff_id: UUID, *, but: str | None = None, only: str | None = None) -> int:
        """End every log-in of a person, except the one with the token hash `but`; return how many.

        `only` is what one of them is called in a page: the beginning of its hash.
        """
        mine = [logins.c.staff_id == staff_id, logins.c.token_hash != (but or "")]
        if only is not None:
            mine.append(logins.c.token_hash.like(f"{escaped(only)}%", escape="\\"))
        return (await self._connection.execute(delete(logins).where(*mine))).rowcount

    async def end_of_subscriber(self, subscriber_id: UUID, *, but: str) -> None:
        """End every portal log-in of a subscriber, whichever service it looks at, except the one of `but`."""
        theirs = select(services.c.id).where(services.c.subscriber_id == subscriber_id)
        await self._connection.execute(
            delete(logins).where(logins.c.service_id.in_(theirs), logins.c.token_hash != but)
        )

    async def prune(self, now: datetime) -> None:
        """Forget what has expired."""
        await self._connection.execute(delete(logins).where(logins.c.expires_at <= now))

    async def count_attempt(
        self, realm: str, key: str, now: datetime, lock: Callable[[int], timedelta]
    ) -> datetime | None:
        """Count one attempt, unless locked; return until when `key` is locked, None where the attempt may go on."""
        locked = login_failures.c.locked_until > now
        counted = case(
            (locked, login_failures.c.failures),
            (login_failures.c.last_at < now - FORGET_AFTER, 1),
            else_=login_failures.c.failures + 1,
        )
        statement = (
            insert_into(self._connection, login_failures)
            .values(realm=realm, key=key, failures=1, last_at=now, locked_until=None)
            .on_conflict_do_update(index_elements=["realm", "key"], set_={"failures": counted, "last_at": now})
            .returning(login_failures.c.failures, login_failures.c.locked_until)
        )
        row = (await self._connection.execute(statement)).one()
        if row.locked_until is not None and row.locked_until > now:
            return row.locked_until  # type: ignore[no-any-return]  # Instant gives a datetime
        if (wait := lock(row.failures)) > timedelta():
            mine = (login_failures.c.realm == realm, login_failures.c.key == key)
            await self._connection.execute(update(login_failures).where(*mine).values(locked_until=now + wait))
        return None

    async def forget_attempts(self, realm: str, key: str) -> None:
        """Start that key's count anew."""
        await self._connection.execute(
            delete(login_failures).where(login_failures.c.realm == realm, login_failures.c.key == key)
        )

    async def take_back_attempt(self, realm: str, key: str) -> None:
        """Uncount one attempt that turned out right."""
        await self._connection.execute(
            update(login_failures)
            .where(login_failures.c.realm == realm, login_failures.c.key == key, login_failures.c.failures > 0)
            .values(failures=login_failures.c.failures - 1, locked_until=None)
        )
