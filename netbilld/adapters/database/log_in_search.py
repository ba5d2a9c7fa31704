"""Searches the log of attempts: a name by its index, anything else among the newest."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import and_, func, or_, select

from netbilld.adapters.database.in_areas import in_areas
from netbilld.adapters.database.queries import Queries, like
from netbilld.adapters.database.subscribers import credential_key
from netbilld.adapters.database.tables import auth_attempts, nas, services, subscribers
from netbilld.services.log_ins import LogInFilter, LogInLine, LogInPage

_LOOKED_AT: Final = 50_000  # newest attempts that a search for part of a name passes through
_REASONS_FROM: Final = 20_000


class LogInSearch(Queries):
    """Reads about log-in attempts."""

    async def log_ins(self, wanted: LogInFilter, limit: int) -> LogInPage:
        """Return the newest attempts that fit, newest first."""
        table = auth_attempts.c
        query = (
            select(
                table.id, table.at, table.username, nas.c.name.label("nas"), table.mac, table.method, table.result,
                table.reason, table.detail, table.latency_us, subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
            )
            .select_from(
                auth_attempts.outerjoin(nas, nas.c.id == table.nas_id)
                .outerjoin(services, services.c.id == table.service_id)
                .outerjoin(subscribers, subscribers.c.id == services.c.subscriber_id)
            )
            .where(in_areas(wanted.areas))
            .limit(limit + 1)
        )  # fmt: skip
        exact = credential_key(wanted.username) if wanted.username is not None else None
        if wanted.part:
            key = credential_key(wanted.part)
            known = await self._number(select(func.count()).where(table.username_key == key).limit(1))
            if known:
                exact = key
            else:
                newest = await self._number(select(func.max(table.id)))
                query = query.where(
                    table.id > newest - _LOOKED_AT,
                    table.username_key.like(like(wanted.part.casefold()), escape="\\"),
                )
        if wanted.nas is not None:
            query = query.where(nas.c.name_key == wanted.nas.strip().casefold())
        if wanted.result is not None:
            query = query.where(table.result == wanted.result)
        if wanted.reason is not None:
            query = query.where(table.reason == wanted.reason)
        if wanted.since is not None:
            query = query.where(table.at >= wanted.since)
        if wanted.before_id is not None:
            last_at = select(table.at).where(table.id == wanted.before_id).scalar_subquery()
            query = query.where(or_(table.at < last_at, and_(table.at == last_at, table.id < wanted.before_id)))
        if exact is not None:
            query = query.where(table.username_key == exact)
        rows = await self._rows(query.order_by(table.at.desc(), table.id.desc()))
        return LogInPage(tuple(LogInLine(**row) for row in rows[:limit]), len(rows) > limit)

    async def log_in_reasons(self) -> Sequence[str]:
        """Return the reasons among the newest attempts, in order of the alphabet."""
        table = auth_attempts.c
        newest = await self._number(select(func.max(table.id)))
        query = select(table.reason).where(table.id > newest - _REASONS_FROM).distinct().order_by(table.reason)
        return [row["reason"] for row in await self._rows(query)]
