"""Coupons and who has taken them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import coupon_uses, coupons
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.prices import code_key
from netbilld.model.errors import RefusedError
from netbilld.services.coupons import Coupon


class CouponStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def coupon(self, code: str, *, lock: bool = False) -> Coupon | None:
        """Return a coupon, whatever case its code is written in; `lock` lets nobody else take it meanwhile."""
        query = select(coupons).where(coupons.c.code_key == code_key(code))
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        return _coupon(row, await self._used(code_key(code))) if row else None

    async def listed(self) -> list[Coupon]:
        """Return all of them in order of their code."""
        counted = select(coupon_uses.c.code_key, func.count()).group_by(coupon_uses.c.code_key)
        used = {key: int(number) for key, number in await self._connection.execute(counted)}
        query = select(coupons).order_by(coupons.c.code_key)
        return [_coupon(row, used.get(row.code_key, 0)) for row in await self._connection.execute(query)]

    async def add(self, coupon: Coupon, actor: str, at: datetime) -> None:
        """Store a coupon.

        Raises:
            RefusedError: there is one of that code.
        """
        row = {
            "code_key": code_key(coupon.code),
            "code": coupon.code,
            "name": coupon.name,
            "percent_hundredths": coupon.percent_hundredths,
            "amount_minor": coupon.amount_minor,
            "periods": coupon.periods,
            "from_on": coupon.from_on,
            "until_on": coupon.until_on,
            "most_uses": coupon.most_uses,
            "plans": list(coupon.plans),
            "created_at": at,
            "actor": actor,
        }
        try:
            await self._connection.execute(insert(coupons).values(row))
        except IntegrityError:
            raise RefusedError(f"coupon {coupon.code} exists", code="exists") from None

    async def set(self, code: str, fields: Mapping[str, Any]) -> None:
        """Set columns of a coupon."""
        await self._connection.execute(update(coupons).where(coupons.c.code_key == code_key(code)).values(dict(fields)))

    async def use(self, code: str, service_id: UUID, from_on: date, actor: str, at: datetime) -> bool:
        """Write down that a service takes a coupon; False where it has before."""
        statement = (
            insert_into(self._connection, coupon_uses)
            .values(code_key=code_key(code), service_id=service_id, from_on=from_on, actor=actor, created_at=at)
            .on_conflict_do_nothing()
            .returning(coupon_uses.c.service_id)
        )
        return (await self._connection.execute(statement)).first() is not None

    async def _used(self, key: str) -> int:
        query = select(func.count()).select_from(coupon_uses).where(coupon_uses.c.code_key == key)
        return int((await self._connection.scalar(query)) or 0)


def _coupon(row: Any, used: int) -> Coupon:
    return Coupon(
        code=row.code,
        name=row.name,
        percent_hundredths=row.percent_hundredths,
        amount_minor=row.amount_minor,
        periods=row.periods,
        from_on=row.from_on,
        until_on=row.until_on,
        most_uses=row.most_uses,
        plans=tuple(row.plans),
        used=used,
    )
