"""What accounting says of addresses is not forgotten while the database is away, and who is looked at."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from netbilld.accounting.address_use import HoldPolicy
from netbilld.model.address_lease import AddressLease
from netbilld.model.errors import StoreUnavailableError
from netbilld.services.settle_leases import SettleLeases

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
POOL, NAS, BUDI, SITI = (UUID(int=number) for number in range(1, 5))


@dataclass
class Book:
    """Knows one pool, and one lease of it."""

    lease: AddressLease | None = None
    has_pools: bool = True

    def table_of(self, _kind: object, _address: str) -> Any:
        return SimpleNamespace(pool=SimpleNamespace(id=POOL, revision=1))

    def lease_at(self, _place: object) -> AddressLease | None:
        return self.lease


class Away:
    def read(self) -> AbstractAsyncContextManager[Any]:
        raise StoreUnavailableError("the database is away")


def settle(book: Book) -> SettleLeases:
    return SettleLeases(Away(), book, HoldPolicy(60, 3600, 300))  # type: ignore[arg-type]  # as much of them as is asked


def session(**changes: Any) -> Any:
    known: dict[str, Any] = {
        "id": 7, "service_id": BUDI, "framed_ip": "10.0.0.1", "ipv6_prefix": None, "delegated_prefix": None,
        "stopped_at": None,
    }  # fmt: skip
    return SimpleNamespace(**{**known, **changes})


def lease(service_id: UUID = BUDI, held_until_at: datetime | None = None, released_at: datetime | None = None) -> AddressLease:  # fmt: skip
    return AddressLease(POOL, "10.0.0.1", service_id, NAS, None, NOW, held_until_at, released_at)


@pytest.mark.parametrize(
    ("known", "changes", "is_looked_at"),
    [
        (lease(), {}, False),
        (lease(held_until_at=NOW), {}, True),
        (lease(released_at=NOW), {}, True),
        (lease(SITI), {}, True),
        (None, {}, True),
        (None, {"stopped_at": NOW}, False),
        (None, {"service_id": None}, False),
        (None, {"framed_ip": None}, False),
    ],
)
def test_a_session_is_looked_at_where_its_address_is_not_simply_its_own(
    known: AddressLease | None, changes: dict[str, Any], is_looked_at: bool
) -> None:
    leases = settle(Book(known))
    leases.note((), [session(**changes)], {})
    assert leases.wake.is_set() is is_looked_at


def test_where_there_are_no_pools_nothing_is_noted() -> None:
    leases = settle(Book(has_pools=False))
    leases.note([7], [session()], {NAS: NOW})
    assert not leases.wake.is_set()


@pytest.mark.parametrize(("session_ids", "restarted_at"), [([7], {}), ([], {NAS: NOW})])
async def test_what_was_noted_waits_until_the_database_is_back(
    session_ids: list[int], restarted_at: dict[UUID, datetime]
) -> None:
    leases = settle(Book())
    await leases.run(NOW, NOW)  # nothing was noted: nothing is read
    leases.note(session_ids, (), restarted_at)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await leases.run(NOW, NOW)
