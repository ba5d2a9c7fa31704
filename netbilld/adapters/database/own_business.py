"""What subscribers do by themselves: codes to sign in with, the service a log-in looks at, consents, requests."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update

from netbilld.adapters.database.queries import Queries
from netbilld.adapters.database.tables import consents, invoices, login_codes, logins, own_requests, subscribers
from netbilld.adapters.database.upsert import insert_into
from netbilld.services.own_requests import OwnRequest, RequestLine

_OPEN: Final = "open"


class OwnBusinessStore(Queries):
    """Queries of one transaction."""

    # -- codes to sign in with -----------------------------------------------------------------------------------------

    async def code_made_at(self, key: str, now: datetime) -> datetime | None:
        """Return when the code that is good now was made; None where there is none."""
        made_at: datetime | None = await self._connection.scalar(
            select(login_codes.c.created_at).where(
                login_codes.c.key == key, login_codes.c.expires_at > now, login_codes.c.tries_left > 0
            )
        )
        return made_at

    async def keep_code(self, key: str, code_hash: str, tries: int, now: datetime, expires_at: datetime) -> None:
        """Keep a code instead of any earlier one of that key; forget those that are over."""
        await self._connection.execute(delete(login_codes).where(login_codes.c.expires_at <= now))
        values = {"code_hash": code_hash, "tries_left": tries, "created_at": now, "expires_at": expires_at}
        statement = insert_into(self._connection, login_codes).values(key=key, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))

    async def try_code(self, key: str, now: datetime) -> str | None:
        """Take one try from a code; return its hash, None where there is none that is good, or no try left."""
        statement = (
            update(login_codes)
            .where(login_codes.c.key == key, login_codes.c.tries_left > 0, login_codes.c.expires_at > now)
            .values(tries_left=login_codes.c.tries_left - 1)
            .returning(login_codes.c.code_hash)
        )
        row = (await self._connection.execute(statement)).first()
        return None if row is None else str(row.code_hash)

    async def use_up_code(self, key: str, code_hash: str) -> bool:
        """Take a code out of use; False where another has just done so."""
        statement = delete(login_codes).where(login_codes.c.key == key, login_codes.c.code_hash == code_hash)
        return int((await self._connection.execute(statement)).rowcount) == 1

    # -- log-ins -------------------------------------------------------------------------------------------------------

    async def look_at(self, token_hash: str, service_id: UUID) -> None:
        """Let a log-in look at another service of its subscriber, as the caller has made sure."""
        await self._connection.execute(
            update(logins).where(logins.c.token_hash == token_hash).values(service_id=service_id)
        )

    # -- consents ------------------------------------------------------------------------------------------------------

    async def consents(self, subscriber_id: UUID) -> Mapping[str, tuple[bool, datetime]]:
        """Return what a subscriber has last said to each purpose, and when."""
        newest = (
            select(func.max(consents.c.id))
            .where(consents.c.subscriber_id == subscriber_id)
            .group_by(consents.c.purpose)
        )
        rows = await self._rows(select(consents).where(consents.c.id.in_(newest)))
        return {row["purpose"]: (row["given"], row["at"]) for row in rows}

    async def consent_history(self, subscriber_id: UUID) -> list[tuple[str, bool, datetime]]:
        """Return all that a subscriber has said, oldest first."""
        query = select(consents).where(consents.c.subscriber_id == subscriber_id).order_by(consents.c.id)
        return [(row["purpose"], row["given"], row["at"]) for row in await self._rows(query)]

    async def say_consent(
        self, subscriber_id: UUID, purpose: str, *, given: bool, actor: str, origin: str, now: datetime
    ) -> None:
        """Keep what a subscriber says to a purpose; what was said before stays on record."""
        await self._connection.execute(
            insert(consents).values(
                subscriber_id=subscriber_id, purpose=purpose, given=given, at=now, actor=actor, origin=origin
            )
        )

    # -- requests ------------------------------------------------------------------------------------------------------

    async def add_request(self, asked: OwnRequest) -> None:
        """Keep what a subscriber asks for."""
        await self._connection.execute(
            insert(own_requests).values(
                id=asked.id,
                subscriber_id=asked.subscriber_id,
                kind=asked.kind,
                invoice_id=asked.invoice_id,
                text=asked.text,
                state=_OPEN,
                created_at=asked.created_at,
                origin=asked.origin,
            )
        )

    async def requests_of(self, subscriber_id: UUID, limit: int) -> list[RequestLine]:
        """Return what a subscriber has asked for, newest first."""
        return await self._requests(limit, subscriber_id=subscriber_id)

    async def open_requests(self, limit: int) -> list[RequestLine]:
        """Return what nobody has seen to, oldest first."""
        return await self._requests(limit, is_open=True)

    async def request(self, request_id: UUID) -> RequestLine | None:
        """Return one."""
        return next(iter(await self._requests(1, request_id=request_id)), None)

    async def end_request(self, request_id: UUID, state: str, by: str, answer: str | None, now: datetime) -> bool:
        """End a request that is open; False where it is not."""
        statement = (
            update(own_requests)
            .where(own_requests.c.id == request_id, own_requests.c.state == _OPEN)
            .values(state=state, ended_at=now, ended_by=by, answer=answer)
        )
        return int((await self._connection.execute(statement)).rowcount) == 1

    async def _requests(
        self,
        limit: int,
        *,
        subscriber_id: UUID | None = None,
        request_id: UUID | None = None,
        is_open: bool = False,
    ) -> list[RequestLine]:
        query = (
            select(own_requests, subscribers.c.number, subscribers.c.name, invoices.c.number.label("invoice_number"))
            .join(subscribers, subscribers.c.id == own_requests.c.subscriber_id)
            .outerjoin(invoices, invoices.c.id == own_requests.c.invoice_id)
            .limit(limit)
        )
        if subscriber_id is not None:
            query = query.where(own_requests.c.subscriber_id == subscriber_id)
        if request_id is not None:
            query = query.where(own_requests.c.id == request_id)
        if is_open:
            query = query.where(own_requests.c.state == _OPEN).order_by(own_requests.c.created_at, own_requests.c.id)
        else:
            query = query.order_by(own_requests.c.created_at.desc(), own_requests.c.id)
        return [
            RequestLine(
                id=row["id"],
                subscriber_id=row["subscriber_id"],
                subscriber_no=row["number"],
                subscriber_name=row["name"],
                kind=row["kind"],
                invoice_number=row["invoice_number"],
                text=row["text"],
                state=row["state"],
                created_at=row["created_at"],
                ended_at=row["ended_at"],
                answer=row["answer"],
            )
            for row in await self._rows(query)
        ]
