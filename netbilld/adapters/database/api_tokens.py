"""Tokens of the JSON API by their hash, and the answers kept for requests that are repeated."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import api_answers, api_tokens
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.api_token import ApiToken
from netbilld.model.permissions import Permission
from netbilld.services.api_answers import KeptAnswer


class ApiTokenStore:
    """Queries of one transaction; a token is in no query and no row."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, token: ApiToken, token_hash: str) -> bool:
        """Keep a new token; False, and nothing kept, where its name is another's."""
        statement = (
            insert_into(self._connection, api_tokens)
            .values(
                id=token.id,
                name=token.name,
                name_key=token.name.casefold(),
                token_hash=token_hash,
                hint=token.hint,
                scopes=sorted(token.scopes),
                areas=list(token.areas),
                rate_per_minute=token.rate_per_minute,
                created_at=token.created_at,
                created_by=token.created_by,
                expires_at=token.expires_at,
            )
            .on_conflict_do_nothing(index_elements=["name_key"])
            .returning(api_tokens.c.id)
        )
        return (await self._connection.execute(statement)).first() is not None

    async def by_hash(self, token_hash: str) -> ApiToken | None:
        """Return the token with that hash, whatever its state."""
        return await self._one(api_tokens.c.token_hash == token_hash)

    async def by_name(self, name: str) -> ApiToken | None:
        """Return the token with that name, in any letter case."""
        return await self._one(api_tokens.c.name_key == name.strip().casefold())

    async def all(self) -> list[ApiToken]:
        """Return every token there is and was, by name."""
        rows = (await self._connection.execute(select(api_tokens).order_by(api_tokens.c.name_key))).mappings()
        return [_token(row) for row in rows]

    async def revoke(self, token: ApiToken, by: str, now: datetime) -> None:
        """End a token, and forget what its requests were answered with."""
        await self._connection.execute(
            update(api_tokens)
            .where(api_tokens.c.id == token.id, api_tokens.c.revoked_at.is_(None))
            .values(revoked_at=now, revoked_by=by[:200])
        )
        await self._connection.execute(delete(api_answers).where(api_answers.c.token_id == token.id))

    async def touch(self, token_id: UUID, source: str, now: datetime) -> None:
        """Note that a token was used."""
        await self._connection.execute(
            update(api_tokens).where(api_tokens.c.id == token_id).values(last_used_at=now, last_used_from=source[:100])
        )

    async def _one(self, wanted: ColumnElement[bool]) -> ApiToken | None:
        row = (await self._connection.execute(select(api_tokens).where(wanted))).mappings().one_or_none()
        return None if row is None else _token(row)

    # -- answers to requests that may be repeated ----------------------------------------------------------------------

    async def answer(self, token_id: UUID, key: str) -> KeptAnswer | None:
        """Return what a request under that key was answered with."""
        wanted = (api_answers.c.token_id == token_id, api_answers.c.key == key)
        row = (await self._connection.execute(select(api_answers).where(*wanted))).one_or_none()
        return None if row is None else KeptAnswer(row.request_digest, row.status, dict(row.headers), row.body)

    async def keep_answer(self, token_id: UUID, key: str, answer: KeptAnswer, at: datetime) -> None:
        """Keep what a request was answered with; the first answer under a key stands."""
        await self._connection.execute(
            insert_into(self._connection, api_answers)
            .values(
                token_id=token_id,
                key=key,
                request_digest=answer.request_digest,
                status=answer.status,
                headers=dict(answer.headers),
                body=answer.body,
                at=at,
            )
            .on_conflict_do_nothing()
        )

    async def forget_answers(self, before: datetime) -> None:
        """Forget answers that are older than this."""
        await self._connection.execute(delete(api_answers).where(api_answers.c.at < before))


def _token(row: RowMapping) -> ApiToken:
    return ApiToken(
        id=row["id"],
        name=row["name"],
        hint=row["hint"],
        scopes=frozenset(Permission(name) for name in row["scopes"] if name in set(Permission)),
        rate_per_minute=row["rate_per_minute"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        revoked_by=row["revoked_by"],
        last_used_at=row["last_used_at"],
        last_used_from=row["last_used_from"],
        areas=tuple(row["areas"]),
    )
