"""Vouchers with their codes: the only place where a sealed code is opened for somebody to read."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.subscriber import password_place
from netbilld.model.voucher import Batch, SealedVoucher, Voucher, code_place

_A_TURN: Final = 500  # codes opened before other work gets its turn


@dataclass(frozen=True, slots=True)
class OpenVoucher:
    """A voucher with its code, for who may see it."""

    voucher: Voucher
    batch: Batch
    code: str = field(repr=False)
    password: str = field(repr=False)


class Opener(Protocol):
    """Opens codes."""

    def open(self, sealed: bytes, place: str) -> bytes: ...


class Vouchers(Protocol):
    async def sealed(self, voucher_ids: Sequence[UUID]) -> Mapping[UUID, SealedVoucher]: ...


class Work(Protocol):
    @property
    def vouchers(self) -> Vouchers: ...


async def opened(box: Opener, work: Work, batch: Batch, found: Sequence[Voucher]) -> list[OpenVoucher]:
    """Return vouchers of a batch with their codes, in that order; for who may see them."""
    sealed = await work.vouchers.sealed([one.id for one in found])
    shown = []
    for count, one in enumerate(found, 1):
        shown.append(_open(box, one, batch, sealed[one.id]))
        if count % _A_TURN == 0:
            await asyncio.sleep(0)
    return shown


def _open(box: Opener, voucher: Voucher, batch: Batch, sealed: SealedVoucher) -> OpenVoucher:
    code = box.open(sealed.code_sealed, code_place(voucher.id)).decode()
    password = code
    if sealed.password_sealed is not None:
        password = box.open(sealed.password_sealed, password_place(voucher.id)).decode()
    return OpenVoucher(voucher, batch, code, password)
