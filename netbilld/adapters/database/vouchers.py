"""Vouchers: batches and codes as they are made, sold, used for the first time, and over."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.among import among
from netbilld.adapters.database.bulk import insert_rows, update_rows
from netbilld.adapters.database.tables import (
    credentials,
    desired,
    plan_versions,
    plans,
    service_terms,
    services,
    subscribers,
    voucher_batches,
    voucher_refunds,
    voucher_sales,
    vouchers,
)
from netbilld.model.errors import NotFoundError
from netbilld.model.voucher import (
    UNUSED,
    Batch,
    CodeKind,
    SealedVoucher,
    ValidFrom,
    Voucher,
    VoucherStatus,
    batch_label,
)
from netbilld.services.make_vouchers import MadeVoucher
from netbilld.services.refund_vouchers import VoucherRefund
from netbilld.services.sell_vouchers import VoucherSale
from netbilld.services.use_vouchers import ClaimedVoucher
from netbilld.services.voucher_views import BatchFigures

ROWS_A_PAGE: Final = 2_000
BATCH: Final = 10_000
_UNUSED: Final = tuple(status.value for status in UNUSED)
_LINE: Final = (
    vouchers.c.id, vouchers.c.batch_id, vouchers.c.position, vouchers.c.status, vouchers.c.sale_id, vouchers.c.sold_at,
    vouchers.c.first_used_at, vouchers.c.first_nas_id, vouchers.c.valid_until_at, vouchers.c.ended_at,
    vouchers.c.ended_reason,
)  # fmt: skip


class VoucherStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- making --------------------------------------------------------------------------------------------------------

    async def taken(self, lookups: Collection[bytes], name_keys: Collection[str]) -> tuple[set[bytes], set[str]]:
        """Return those of the digests that are vouchers', and those of the names that somebody logs in with."""
        of_vouchers: set[bytes] = set()
        of_people: set[str] = set()
        digests, names = list(lookups), list(name_keys)
        for start in range(0, len(digests), BATCH):
            query = select(vouchers.c.lookup).where(vouchers.c.lookup.in_(digests[start : start + BATCH]))
            of_vouchers.update((await self._connection.execute(query)).scalars())
        for start in range(0, len(names), BATCH):
            people = select(credentials.c.name_key).where(credentials.c.name_key.in_(names[start : start + BATCH]))
            of_people.update((await self._connection.execute(people)).scalars())
        return of_vouchers, of_people

    async def add(self, batch: Batch, made: Sequence[MadeVoucher]) -> None:
        """Store a batch with its codes."""
        await self._connection.execute(
            insert(voucher_batches).values(
                id=batch.id,
                number=batch.number,
                name=batch.name,
                plan_version_id=batch.plan_version_id,
                count=batch.count,
                code_kind=batch.code_kind.value,
                has_password=batch.has_password,
                validity_seconds=batch.validity_seconds,
                valid_from=batch.valid_from.value,
                is_only_sold=batch.is_only_sold,
                use_by_at=batch.use_by_at,
                price_minor=batch.price_minor,
                agent_price_minor=batch.agent_price_minor,
                currency=batch.currency,
                timezone=batch.timezone,
                created_at=batch.created_at,
                actor=batch.actor,
                is_online=batch.is_online,
            )
        )
        columns = ("id", "batch_id", "position", "lookup", "code_sealed", "password_sealed", "status")
        created = VoucherStatus.CREATED.value
        rows = [
            (one.id, batch.id, one.position, one.lookup, one.code_sealed, one.password_sealed, created) for one in made
        ]
        for start in range(0, len(rows), BATCH):
            await insert_rows(self._connection, vouchers, columns, rows[start : start + BATCH])

    async def lock_batch(self, batch_id: UUID) -> Batch:
        """Return a batch, kept from everybody else, to make one more voucher of it.

        Raises:
            NotFoundError: there is none.
        """
        await self._connection.execute(
            select(voucher_batches.c.id).where(voucher_batches.c.id == batch_id).with_for_update()
        )
        return await self.batch_by_id(batch_id)

    async def append(self, batch: Batch, made: MadeVoucher) -> None:
        """Store one more voucher of a locked batch."""
        values = {**asdict(made), "batch_id": batch.id, "status": VoucherStatus.CREATED.value}
        await self._connection.execute(insert(vouchers).values(values))
        await self._connection.execute(
            update(voucher_batches).where(voucher_batches.c.id == batch.id).values(count=made.position)
        )

    # -- log-ins -------------------------------------------------------------------------------------------------------

    async def usable(
        self, *, batch_id: UUID | None = None, voucher_ids: Collection[UUID] | None = None
    ) -> AsyncIterator[list[SealedVoucher]]:
        """Yield the codes that may be used for the first time, some thousands at a time: all, a batch's, or these."""
        query = (
            select(vouchers.c.id, vouchers.c.batch_id, vouchers.c.code_sealed, vouchers.c.password_sealed)
            .join(voucher_batches, voucher_batches.c.id == vouchers.c.batch_id)
            .where(_may_begin())
        )
        if batch_id is not None:
            query = query.where(vouchers.c.batch_id == batch_id)
        if voucher_ids is not None:
            query = query.where(among(self._connection, vouchers.c.id, list(voucher_ids)))
        async with self._connection.stream(query, execution_options={"yield_per": ROWS_A_PAGE}) as result:
            async for rows in result.partitions():
                yield [SealedVoucher(*row) for row in rows]

    async def claim(self, used_on: Mapping[UUID, UUID], now: datetime) -> list[ClaimedVoucher]:
        """Let vouchers begin that nobody has used yet, and return them; whoever asks second gets nothing.

        Args:
            used_on: which NAS each is used on.
            now: the moment of the first use.
        """
        query = (
            select(
                vouchers.c.id,
                vouchers.c.position,
                vouchers.c.password_sealed,
                vouchers.c.code_sealed,
                vouchers.c.valid_until_at,
                voucher_batches.c.number,
                voucher_batches.c.plan_version_id,
                voucher_batches.c.validity_seconds,
                voucher_batches.c.valid_from,
                voucher_batches.c.currency,
                voucher_batches.c.timezone,
                voucher_batches.c.use_by_at,
            )
            .join(voucher_batches, voucher_batches.c.id == vouchers.c.batch_id)
            .where(among(self._connection, vouchers.c.id, list(used_on)), _may_begin())
            .order_by(vouchers.c.id)  # two nodes that want the same ones take turns
            .with_for_update(of=vouchers)
        )
        found = []
        for row in (await self._connection.execute(query)).mappings():
            one = ClaimedVoucher.of(dict(row), now)
            if one.valid_until_at > now and (row["use_by_at"] is None or now < row["use_by_at"]):
                found.append(one)
        active = VoucherStatus.ACTIVE.value
        columns = ("status", "first_used_at", "first_nas_id", "valid_until_at")
        rows = [(one.id, active, now, used_on[one.id], one.valid_until_at) for one in found]
        await update_rows(self._connection, vouchers, "id", columns, rows)
        return found

    async def make_free(self, service_ids: Collection[UUID]) -> None:
        """Let the services of vouchers cost nothing: they are paid for."""
        wanted = among(self._connection, service_terms.c.service_id, list(service_ids))
        await self._connection.execute(update(service_terms).where(wanted).values(free=True, timing="postpaid"))

    async def over(self, before: datetime, limit: int) -> list[tuple[UUID, UUID, bool]]:
        """Return vouchers in use whose time was over by then: id, subscriber, and whether their quota was the reason.

        Those that a person took back are among them.
        """
        query = (
            select(vouchers.c.id, services.c.subscriber_id, func.coalesce(desired.c.reason, "").label("reason"))
            .join(services, services.c.id == vouchers.c.id)
            .outerjoin(desired, desired.c.service_id == vouchers.c.id)
            .where(vouchers.c.status == VoucherStatus.ACTIVE.value, vouchers.c.valid_until_at < before)
            .order_by(vouchers.c.valid_until_at)
            .limit(limit)
            .with_for_update(of=vouchers, skip_locked=True)
        )
        return [(row.id, row.subscriber_id, row.reason == "quota") for row in await self._connection.execute(query)]

    async def retire(self, ended: Sequence[tuple[UUID, UUID, bool]], now: datetime) -> None:
        """End the services and subscribers of vouchers that are over, and give their codes up as names."""
        service_ids = [one[0] for one in ended]
        subscriber_ids = [one[1] for one in ended]
        rows = [
            (
                voucher_id,
                (VoucherStatus.USED_UP if used_up else VoucherStatus.EXPIRED).value,
                now,
                "quota" if used_up else "expired",
            )
            for voucher_id, _, used_up in ended
        ]
        await update_rows(self._connection, vouchers, "id", ("status", "ended_at", "ended_reason"), rows)
        await self.end_services(service_ids, subscriber_ids, now)

    async def end_services(self, service_ids: Sequence[UUID], subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """End services of vouchers with their subscribers and names."""
        over = {"status": "ended", "status_reason": "voucher", "status_since_at": now, "ended_at": now}
        of = among(self._connection, services.c.id, list(service_ids))
        await self._connection.execute(update(services).where(of, services.c.ended_at.is_(None)).values(over))
        whose = among(self._connection, subscribers.c.id, list(subscriber_ids))
        await self._connection.execute(update(subscribers).where(whose).values(status="terminated"))
        names = among(self._connection, credentials.c.service_id, list(service_ids))
        await self._connection.execute(delete(credentials).where(names))

    # -- changing ------------------------------------------------------------------------------------------------------

    async def find(self, lookup: bytes, *, lock: bool = False) -> tuple[Voucher, Batch] | None:
        """Return the voucher of a code's digest."""
        query = select(vouchers.c.id).where(vouchers.c.lookup == lookup)
        voucher_id = await self._connection.scalar(query.with_for_update() if lock else query)
        if voucher_id is None:
            return None
        voucher = (await self.by_ids([voucher_id]))[voucher_id]
        return voucher, await self.batch_by_id(voucher.batch_id)

    async def by_ids(self, voucher_ids: Sequence[UUID]) -> dict[UUID, Voucher]:
        """Return those of the vouchers that exist."""
        query = select(*_LINE).where(among(self._connection, vouchers.c.id, list(voucher_ids)))
        return {row["id"]: _voucher(row) for row in (await self._connection.execute(query)).mappings()}

    async def sealed(self, voucher_ids: Sequence[UUID]) -> dict[UUID, SealedVoucher]:
        """Return the codes of vouchers, sealed."""
        query = select(vouchers.c.id, vouchers.c.batch_id, vouchers.c.code_sealed, vouchers.c.password_sealed)
        found = await self._connection.execute(query.where(among(self._connection, vouchers.c.id, list(voucher_ids))))
        return {row.id: SealedVoucher(*row) for row in found}

    async def lock_unsold(self, batch_id: UUID, count: int) -> list[Voucher]:
        """Return the next vouchers of a batch that are neither sold nor used, kept from everybody else."""
        query = (
            select(*_LINE)
            .where(vouchers.c.batch_id == batch_id, vouchers.c.status == VoucherStatus.CREATED.value)
            .order_by(vouchers.c.position)
            .limit(count)
            .with_for_update(skip_locked=True)
        )
        return [_voucher(row) for row in (await self._connection.execute(query)).mappings()]

    async def lock_unused(self, batch_id: UUID) -> list[Voucher]:
        """Return the vouchers of a batch that nobody has used, kept from everybody else."""
        query = (
            select(*_LINE)
            .where(vouchers.c.batch_id == batch_id, vouchers.c.status.in_(_UNUSED))
            .order_by(vouchers.c.id)
            .with_for_update()
        )
        return [_voucher(row) for row in (await self._connection.execute(query)).mappings()]

    async def mark_sold(self, voucher_ids: Sequence[UUID], sale: VoucherSale, valid_until_at: datetime | None) -> None:
        """Write down that vouchers are sold."""
        values = {"status": VoucherStatus.SOLD.value, "sale_id": sale.id, "sold_at": sale.sold_at}
        if valid_until_at is not None:
            values["valid_until_at"] = valid_until_at
        for start in range(0, len(voucher_ids), BATCH):
            of = among(self._connection, vouchers.c.id, list(voucher_ids[start : start + BATCH]))
            await self._connection.execute(update(vouchers).where(of).values(values))

    async def void(self, voucher_ids: Sequence[UUID], reason: str, now: datetime) -> None:
        """Take vouchers back."""
        values = {"status": VoucherStatus.VOID.value, "ended_at": now, "ended_reason": reason}
        for start in range(0, len(voucher_ids), BATCH):
            of = among(self._connection, vouchers.c.id, list(voucher_ids[start : start + BATCH]))
            await self._connection.execute(update(vouchers).where(of).values(values))

    async def set_until(self, voucher_id: UUID, valid_until_at: datetime) -> None:
        """Move the end of a voucher."""
        of = vouchers.c.id == voucher_id
        await self._connection.execute(update(vouchers).where(of).values(valid_until_at=valid_until_at))

    async def set_online(self, batch_id: UUID, *, online: bool) -> None:
        """Say whether vouchers of a batch are sold in the captive portal."""
        of = voucher_batches.c.id == batch_id
        await self._connection.execute(update(voucher_batches).where(of).values(is_online=online))

    async def set_use_by(self, batch_id: UUID, use_by_at: datetime | None) -> None:
        """Move the day by which a batch's vouchers must have begun."""
        of = voucher_batches.c.id == batch_id
        await self._connection.execute(update(voucher_batches).where(of).values(use_by_at=use_by_at))

    async def subscriber_of(self, voucher_id: UUID) -> UUID | None:
        """Return the subscriber that a voucher in use has become."""
        query = select(services.c.subscriber_id).where(services.c.id == voucher_id)
        found: UUID | None = await self._connection.scalar(query)
        return found

    async def add_sale(self, sale: VoucherSale) -> None:
        """Store a sale."""
        await self._connection.execute(insert(voucher_sales).values(sale.row()))

    async def sale(self, sale_id: UUID, *, lock: bool = False) -> VoucherSale | None:
        """Return a sale."""
        query = select(voucher_sales).where(voucher_sales.c.id == sale_id)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
        return VoucherSale(**row) if row else None

    async def refunds_of(self, sale_id: UUID) -> list[VoucherRefund]:
        """Return what was given back of a sale."""
        query = select(voucher_refunds).where(voucher_refunds.c.sale_id == sale_id)
        return [VoucherRefund(**row) for row in (await self._connection.execute(query)).mappings()]

    async def add_refund(self, refund: VoucherRefund) -> None:
        """Store that the price of a voucher was given back."""
        await self._connection.execute(insert(voucher_refunds).values(refund.row()))

    async def sales(
        self, *, agent: str | None = None, batch_id: UUID | None = None, limit: int = 100
    ) -> list[VoucherSale]:
        """Return the newest sales: all, an agent's or a batch's."""
        query = select(voucher_sales).order_by(voucher_sales.c.sold_at.desc(), voucher_sales.c.id).limit(limit)
        if agent is not None:
            query = query.where(voucher_sales.c.agent == agent)
        if batch_id is not None:
            query = query.where(voucher_sales.c.batch_id == batch_id)
        return [VoucherSale(**row) for row in (await self._connection.execute(query)).mappings()]

    async def of_sale(self, sale_id: UUID, *, lock: bool = False) -> list[Voucher]:
        """Return what was sold together, in order."""
        query = select(*_LINE).where(vouchers.c.sale_id == sale_id).order_by(vouchers.c.position)
        if lock:
            query = query.with_for_update()
        return [_voucher(row) for row in (await self._connection.execute(query)).mappings()]

    # -- looking -------------------------------------------------------------------------------------------------------

    async def batch_by_id(self, batch_id: UUID) -> Batch:
        """Return a batch.

        Raises:
            NotFoundError: there is none.
        """
        return await self._batch(voucher_batches.c.id == batch_id, str(batch_id))

    async def batch(self, number: int, *, lock: bool = False) -> Batch:
        """Return the batch of that number.

        Raises:
            NotFoundError: there is none.
        """
        if lock:
            of = select(voucher_batches.c.id).where(voucher_batches.c.number == number)
            await self._connection.execute(of.with_for_update())
        return await self._batch(voucher_batches.c.number == number, batch_label(number))

    async def _batch(self, wanted: ColumnElement[bool], said: str) -> Batch:
        row = (await self._connection.execute(_batches().where(wanted))).mappings().one_or_none()
        if row is None:
            raise NotFoundError(f"no batch {said}", hint="`netbilld voucher list` shows them")
        return _batch(row)

    async def batches(self, limit: int, before: int | None = None) -> list[Batch]:
        """Return the newest batches, from before that number on."""
        query = _batches().order_by(voucher_batches.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(voucher_batches.c.number < before)
        return [_batch(row) for row in (await self._connection.execute(query)).mappings()]

    async def figures(self, batch_ids: Sequence[UUID], now: datetime) -> dict[UUID, BatchFigures]:
        """Return how many vouchers of each batch stand where."""
        over = and_(
            vouchers.c.status.in_((VoucherStatus.SOLD.value, VoucherStatus.ACTIVE.value)),
            vouchers.c.valid_until_at <= now,
        )
        query = (
            select(
                vouchers.c.batch_id,
                vouchers.c.status,
                func.count().label("counted"),
                func.count().filter(over).label("over"),
                func.count().filter(vouchers.c.first_used_at.is_not(None), vouchers.c.sale_id.is_(None)).label("free"),
            )
            .where(vouchers.c.batch_id.in_(list(batch_ids)))
            .group_by(vouchers.c.batch_id, vouchers.c.status)
        )
        found: dict[UUID, BatchFigures] = {}
        for row in await self._connection.execute(query):
            known = found.setdefault(row.batch_id, BatchFigures())
            known.add(VoucherStatus(row.status), row.counted, row.over, row.free)
        return found

    async def lines(
        self,
        batch_id: UUID,
        *,
        limit: int,
        after: int = 0,
        status: VoucherStatus | None = None,
        until: int | None = None,
    ) -> list[Voucher]:
        """Return vouchers of a batch in order, from after a position on."""
        query = (
            select(*_LINE)
            .where(vouchers.c.batch_id == batch_id, vouchers.c.position > after)
            .order_by(vouchers.c.position)
            .limit(limit)
        )
        if status is not None:
            query = query.where(vouchers.c.status == status.value)
        if until is not None:
            query = query.where(vouchers.c.position <= until)
        return [_voucher(row) for row in (await self._connection.execute(query)).mappings()]


def _may_begin() -> ColumnElement[bool]:
    """Tell of a voucher, joined with its batch, whether it may be used for the first time as far as time goes not."""
    return or_(
        vouchers.c.status == VoucherStatus.SOLD.value,
        and_(vouchers.c.status == VoucherStatus.CREATED.value, voucher_batches.c.is_only_sold.is_(False)),
    )


def _batches() -> Select[Any]:
    return (
        select(voucher_batches, plans.c.code.label("plan"))
        .join(plan_versions, plan_versions.c.id == voucher_batches.c.plan_version_id)
        .join(plans, plans.c.id == plan_versions.c.plan_id)
    )


def _batch(row: RowMapping) -> Batch:
    fields = dict(row)
    fields["code_kind"] = CodeKind(fields["code_kind"])
    fields["valid_from"] = ValidFrom(fields["valid_from"])
    return Batch(**fields)


def _voucher(row: RowMapping) -> Voucher:
    fields = dict(row)
    fields["status"] = VoucherStatus(fields["status"])
    return Voucher(**fields)
