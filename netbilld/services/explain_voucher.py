"""What `explain` says of a name that nobody has and that is the code of a voucher."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from netbilld.enforcement.explain_facts import VoucherFact
from netbilld.model.voucher import Batch, Voucher, VoucherStatus, typed_code
from netbilld.services.make_vouchers import Digests, lookup

_ENDED: Sequence[VoucherStatus] = (VoucherStatus.VOID, VoucherStatus.EXPIRED, VoucherStatus.USED_UP)


class Vouchers(Protocol):
    async def find(self, lookup: bytes, *, lock: bool = False) -> tuple[Voucher, Batch] | None: ...


class Work(Protocol):
    @property
    def vouchers(self) -> Vouchers: ...


async def voucher_fact(work: Work, box: Digests, name: str, now: datetime) -> VoucherFact | None:
    """Return where the voucher of a code stands; None where the name is none, or the code is in use."""
    code = typed_code(name)
    found = await work.vouchers.find(lookup(box, code)) if code else None
    if found is None:
        return None
    voucher, batch = found
    number = f"{batch.label}-{voucher.position:05d}"
    status = voucher.status_at(now)
    if status in _ENDED:
        return VoucherFact(
            f"voucher_{status}", number, voucher.ended_at or voucher.valid_until_at, voucher.ended_reason
        )
    if status is VoucherStatus.ACTIVE:
        return None
    if batch.use_by_at is not None and batch.use_by_at <= now:
        return VoucherFact("voucher_late", number, batch.use_by_at, None)
    cause = "voucher_unsold" if batch.is_only_sold and status is VoucherStatus.CREATED else "voucher_unused"
    return VoucherFact(cause, number, None, None)
