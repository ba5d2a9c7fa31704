"""KeepVouchers: what becomes of vouchers that exist: found, taken back, extended, and over."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.voucher import UNUSED, Batch, Voucher, VoucherStatus, typed_code
from netbilld.ports.changes import Changes
from netbilld.services import make_vouchers, open_vouchers
from netbilld.services.make_vouchers import check_online, lookup
from netbilld.services.open_vouchers import OpenVoucher, opened
from netbilld.services.subscriber_fields import optional_text

RETIRED_AFTER: Final = timedelta(days=1)  # so long an expired code is told why it is refused
RETIRED_AT_ONCE: Final = 250


class Box(open_vouchers.Opener, make_vouchers.Digests, Protocol):
    """Opens codes, and knows by what they are found."""


class Ending(Protocol):
    """The part of a store that takes vouchers back."""

    async def void(self, voucher_ids: Sequence[UUID], reason: str, now: datetime) -> None: ...
    async def subscriber_of(self, voucher_id: UUID) -> UUID | None: ...
    async def end_services(
        self, service_ids: Sequence[UUID], subscriber_ids: Sequence[UUID], now: datetime
    ) -> None: ...


class Vouchers(open_vouchers.Vouchers, Ending, Protocol):
    async def batch(self, number: int, *, lock: bool = False) -> Batch: ...
    async def find(self, lookup: bytes, *, lock: bool = False) -> tuple[Voucher, Batch] | None: ...
    async def lock_unused(self, batch_id: UUID) -> Sequence[Voucher]: ...
    async def set_use_by(self, batch_id: UUID, use_by_at: datetime | None) -> None: ...
    async def set_online(self, batch_id: UUID, *, online: bool) -> None: ...
    async def set_until(self, voucher_id: UUID, valid_until_at: datetime) -> None: ...
    async def over(self, before: datetime, limit: int) -> Sequence[tuple[UUID, UUID, bool]]: ...
    async def retire(self, ended: Sequence[tuple[UUID, UUID, bool]], now: datetime) -> None: ...


class Work(Protocol):
    @property
    def vouchers(self) -> Vouchers: ...
    @property
    def changes(self) -> Changes: ...


class EndingWork(Protocol):
    @property
    def vouchers(self) -> Ending: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class KeepVouchers:
    """Everything that people do to vouchers that exist, but for selling them."""

    def __init__(self, store: Store, box: Box) -> None:
        """Take where they are kept, and what opens and finds codes."""
        self._store, self._box = store, box

    # -- looking -------------------------------------------------------------------------------------------------------

    async def find(self, code: str) -> OpenVoucher:
        """Return the voucher of a code as somebody has typed it.

        Raises:
            NotFoundError: there is none.
        """
        async with self._store.read() as work:
            voucher, batch = await self._found(work, code)
            return (await opened(self._box, work, batch, [voucher]))[0]

    async def _found(self, work: Work, code: str, *, lock: bool = False) -> tuple[Voucher, Batch]:
        found = await work.vouchers.find(lookup(self._box, typed_code(code)), lock=lock)
        if found is None:
            raise NotFoundError("no voucher has that code", code="no_voucher")
        return found

    # -- taking back, extending ----------------------------------------------------------------------------------------

    async def revoke(self, code: str, reason: str, *, actor: Actor, now: datetime) -> Voucher:
        """Take a voucher back; who is online with it goes offline. What was paid for it stays booked (RefundVouchers).

        Raises:
            NotFoundError: no voucher has that code.
            RefusedError: it is over already.
        """
        why = _reason(reason)
        async with self._store.write() as work:
            voucher, batch = await self._found(work, code, lock=True)
            await take_back(work, voucher, batch, why, actor=actor, now=now)
        return voucher

    async def revoke_unused(self, batch_number: int, reason: str, *, actor: Actor, now: datetime) -> int:
        """Take back whatever of a batch nobody has used, and return how many that were.

        Raises:
            NotFoundError: there is no such batch.
        """
        why = _reason(reason)
        async with self._store.write() as work:
            batch = await work.vouchers.batch(batch_number)
            unused = await work.vouchers.lock_unused(batch.id)
            if unused:
                await work.vouchers.void([one.id for one in unused], why, now)
                details = {"number": batch.label, "count": len(unused), "reason": why}
                await work.changes.record(actor, now, "voucher.revoke", "voucher_batch", batch.id, details)
        return len(unused)

    async def extend(self, code: str, by_seconds: int, *, actor: Actor, now: datetime) -> datetime:
        """Let a voucher be valid for longer, counted from its end or, where that is over, from now; return its end.

        Raises:
            NotFoundError: no voucher has that code.
            RefusedError: it has no end yet, or it was taken back or given up.
        """
        async with self._store.write() as work:
            voucher, batch = await self._found(work, code, lock=True)
            if voucher.status not in {VoucherStatus.ACTIVE, VoucherStatus.SOLD}:
                raise RefusedError(f"that voucher is {voucher.status}: it can't be extended", code="voucher_over")
            if voucher.valid_until_at is None:
                raise RefusedError("its time begins with the first use: there is no end to move", code="no_end")
            until_at = max(voucher.valid_until_at, now) + timedelta(seconds=by_seconds)
            await work.vouchers.set_until(voucher.id, until_at)
            details = {
                "number": batch.label,
                "position": voucher.position,
                "until": [voucher.valid_until_at.isoformat(), until_at.isoformat()],
                "voucher_ids": [str(voucher.id)],
                "service_ids": [str(voucher.id)] if voucher.status is VoucherStatus.ACTIVE else [],
            }
            await work.changes.record(actor, now, "voucher.extend", "voucher_batch", batch.id, details)
        return until_at

    async def set_use_by(self, batch_number: int, use_by_at: datetime | None, *, actor: Actor, now: datetime) -> None:
        """Say by when the vouchers of a batch must have begun; None for no such day.

        Raises:
            NotFoundError: there is no such batch.
        """
        async with self._store.write() as work:
            batch = await work.vouchers.batch(batch_number, lock=True)
            await work.vouchers.set_use_by(batch.id, use_by_at)
            days = [at.isoformat() if at else None for at in (batch.use_by_at, use_by_at)]
            details = {"number": batch.label, "use_by": days, "voucher_ids": []}
            await work.changes.record(actor, now, "voucher.extend", "voucher_batch", batch.id, details)

    async def set_online(self, batch_number: int, *, online: bool, actor: Actor, now: datetime) -> None:
        """Say whether vouchers of a batch are sold in the captive portal; what is being paid for there goes on.

        Raises:
            NotFoundError: there is no such batch.
            InvalidInputError: they can't be sold there.
        """
        async with self._store.write() as work:
            batch = await work.vouchers.batch(batch_number, lock=True)
            check_online(replace(batch, is_online=online))
            await work.vouchers.set_online(batch.id, online=online)
            details = {"number": batch.label, "online": online, "voucher_ids": []}
            await work.changes.record(actor, now, "voucher.online", "voucher_batch", batch.id, details)

    # -- the end -------------------------------------------------------------------------------------------------------

    async def retire(self, *, actor: Actor, now: datetime) -> int:
        """Give up vouchers that were over a day ago: services end, names are free; return how many."""
        count = 0
        while True:
            async with self._store.write() as work:
                ended = await work.vouchers.over(now - RETIRED_AFTER, RETIRED_AT_ONCE)
                if ended:
                    await work.vouchers.retire(ended, now)
                    news: list[tuple[UUID | int | str, Mapping[str, Any]]] = [
                        (voucher_id, {"service_ids": [str(voucher_id)], "used_up": used_up})
                        for voucher_id, _, used_up in ended
                    ]
                    await work.changes.record_many(actor, now, "voucher.retire", "voucher", news)
            count += len(ended)
            if len(ended) < RETIRED_AT_ONCE:
                return count


async def take_back(work: EndingWork, voucher: Voucher, batch: Batch, why: str, *, actor: Actor, now: datetime) -> None:
    """Take back a locked voucher within the caller's transaction.

    Raises:
        RefusedError: it is over already.
    """
    if voucher.status not in UNUSED and voucher.status is not VoucherStatus.ACTIVE:
        raise RefusedError(f"that voucher is over: {voucher.status}", code="voucher_over")
    await work.vouchers.void([voucher.id], why, now)
    services = []
    if voucher.status is VoucherStatus.ACTIVE:
        subscriber_id = await work.vouchers.subscriber_of(voucher.id)
        await work.vouchers.end_services([voucher.id], [subscriber_id] if subscriber_id else [], now)
        services = [str(voucher.id)]
    details = {
        "number": batch.label,
        "position": voucher.position,
        "reason": why,
        "voucher_ids": [str(voucher.id)],
        "service_ids": services,
    }
    await work.changes.record(actor, now, "voucher.revoke", "voucher_batch", batch.id, details)


def _reason(text: str) -> str:
    why = optional_text("reason", text, 200)
    if not why:
        raise InvalidInputError("say why", code="no_reason")
    return why
