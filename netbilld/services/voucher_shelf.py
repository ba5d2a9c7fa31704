"""VoucherShelf: the codes that nobody has used yet, in memory, where log-ins look for names that nobody has."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.errors import NetbilldError
from netbilld.model.subscriber import password_place
from netbilld.model.voucher import SealedVoucher, code_place
from netbilld.radius.access import AccessView
from netbilld.radius.attributes import CLASS
from netbilld.radius.mschap import nt_hash
from netbilld.radius.packet import encode_attribute
from netbilld.radius.terms import AccessTerms
from netbilld.radius.values import lookup_key

_log = logging.getLogger("netbilld.vouchers")
_A_TURN: Final = 250  # codes opened before RADIUS gets its turn
# Stands in an acceptance until the service has begun, and never leaves: whoever decides on it a moment later, by what a
# worker has found on its own shelf, knows by it that nothing was granted yet.
FIRST_USE_MARK: Final = encode_attribute(CLASS, b"netbilld first use")
_FIRST_USE: Final = AccessTerms(first_use=True)


class Opener(Protocol):
    """Opens what is encrypted at rest."""

    def open(self, sealed: bytes, place: str) -> bytes: ...


class Vouchers(Protocol):
    def usable(
        self, *, batch_id: UUID | None = None, voucher_ids: Collection[UUID] | None = None
    ) -> AsyncIterator[list[SealedVoucher]]: ...


class Work(Protocol):
    @property
    def vouchers(self) -> Vouchers: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class _NothingYet(Mapping[str, bytes]):
    """What is granted on whichever NAS before the service has begun: a mark in the place of what it will be due."""

    def __getitem__(self, key: str) -> bytes:
        return FIRST_USE_MARK

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


_NOTHING_YET: Final = _NothingYet()


class _Shelved:
    __slots__ = ("batch_id", "code", "id", "password_sealed")

    def __init__(self, sealed: SealedVoucher, code: str) -> None:
        self.id, self.batch_id = sealed.id, sealed.batch_id
        self.code = code
        self.password_sealed = sealed.password_sealed


class VoucherShelf:
    """Unused codes by name; `box` opens them."""

    def __init__(self, box: Opener) -> None:
        self._box = box
        self._by_key: dict[bytes, _Shelved] = {}
        self._keys: dict[UUID, bytes] = {}
        self._batches: dict[UUID, set[UUID]] = {}
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, key: bytes) -> AccessView | None:
        """Return what a folded name leads to; its one term is that the first use comes before all else."""
        found = self._by_key.get(key)
        if found is None:
            return None
        password = self._password(found)
        hashed = nt_hash(password) if password else b""
        return AccessView(found.code, "password", password, hashed, found.id, _NOTHING_YET, terms=_FIRST_USE)

    def code(self, voucher_id: UUID) -> str | None:
        """Return the code of a voucher that is on the shelf."""
        key = self._keys.get(voucher_id)
        return None if key is None else self._by_key[key].code

    async def load(self, store: Store) -> None:
        """Take every code that may be used, and nothing else.

        Raises:
            StoreUnavailableError: the database is away; the shelf stays as it was.
        """
        async with self._turn, store.read() as work:
            known: set[UUID] = set()
            async for sealed in work.vouchers.usable():
                await self._put(sealed)
                known.update(one.id for one in sealed)
            self.drop(self._keys.keys() - known)

    async def reload(self, store: Store, batch_ids: Collection[UUID], voucher_ids: Collection[UUID]) -> None:
        """Look again at batches and at single vouchers that somebody has changed.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with self._turn, store.read() as work:
            for batch_id in batch_ids:
                known: set[UUID] = set()
                async for sealed in work.vouchers.usable(batch_id=batch_id):
                    await self._put(sealed)
                    known.update(one.id for one in sealed)
                self.drop(self._batches.get(batch_id, set()) - known)
            if voucher_ids:
                there: set[UUID] = set()
                async for sealed in work.vouchers.usable(voucher_ids=voucher_ids):
                    await self._put(sealed)
                    there.update(one.id for one in sealed)
                self.drop(set(voucher_ids) - there)

    def drop(self, voucher_ids: Iterable[UUID]) -> None:
        """Forget codes that can't be used for the first time any more."""
        for voucher_id in list(voucher_ids):
            key = self._keys.pop(voucher_id, None)
            if key is None:
                continue
            shelved = self._by_key.pop(key)
            of_batch = self._batches.get(shelved.batch_id)
            if of_batch is not None:
                of_batch.discard(voucher_id)
                if not of_batch:
                    del self._batches[shelved.batch_id]

    async def _put(self, sealed: Iterable[SealedVoucher]) -> None:
        for count, one in enumerate(sealed, 1):
            if one.id not in self._keys:
                try:
                    code = self._box.open(one.code_sealed, code_place(one.id)).decode()
                except NetbilldError as error:
                    _log.error("voucher %s can't be used: %s", one.id, error, extra={"event": "voucher_unusable"})
                    continue
                key = lookup_key(code.encode())
                self._by_key[key] = _Shelved(one, code)
                self._keys[one.id] = key
                self._batches.setdefault(one.batch_id, set()).add(one.id)
            if count % _A_TURN == 0:
                await asyncio.sleep(0)

    def _password(self, found: _Shelved) -> bytes:
        if found.password_sealed is None:
            return found.code.encode()
        try:
            return self._box.open(found.password_sealed, password_place(found.id))
        except NetbilldError as error:
            _log.error("voucher %s can't be used: %s", found.id, error, extra={"event": "voucher_unusable"})
            return b""
