"""Brake: a run that would close too many services for money at once stops and asks a person.

Who was open and would be closed by expiry or arrears is weighed before anything is put on record. Where they are too
many, each is held: a fact about the service, so that log-ins, the reconciler and every node decide alike. Everything
else goes on. One brake for everybody, kept in the database.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Protocol
from uuid import UUID

from netbilld.enforcement.brake import BrakePolicy, is_too_many
from netbilld.model.actor import SCHEDULE, Actor
from netbilld.model.errors import RefusedError
from netbilld.ports.changes import Changes

KEPT: Final = timedelta(days=1)  # a released hold is remembered for, so that its closing is not weighed again
_SERVICES_A_CHANGE: Final = 500
_WORDS: Final = 200

PulledFor = Literal["share", "person"]


@dataclass(frozen=True, slots=True)
class BrakeState:
    """How the brake stands.

    Attributes:
        pulled_for: share: too many were about to be closed; person: somebody has asked for it.
        because: why, in words.
        closing, base: how many were about to be closed when it was pulled, and of how many.
        since_at, by: when it was last pulled, and by whom.
        held: how many services it holds open.
    """

    is_on: bool
    pulled_for: PulledFor
    because: str
    closing: int
    base: int
    since_at: datetime
    by: str
    released_at: datetime | None
    released_by: str | None
    held: int


@dataclass(frozen=True, slots=True)
class HeldService:
    """A service that the brake holds open, and whose it is."""

    service_id: UUID
    username: str
    subscriber_no: str
    name: str
    held_at: datetime


class BrakeStore(Protocol):
    async def alone(self) -> None: ...

    async def state(self) -> BrakeState | None: ...

    async def base(self) -> int: ...

    async def closed_since(self, at: datetime) -> int: ...

    async def released(self, service_ids: Collection[UUID]) -> Collection[UUID]: ...

    async def pull(
        self, pulled_for: PulledFor, because: str, closing: int, base: int, by: str, now: datetime
    ) -> None: ...

    async def hold(self, service_ids: Collection[UUID], now: datetime) -> None: ...

    async def held(self) -> Sequence[UUID]: ...

    async def held_services(self, most: int) -> Sequence[HeldService]: ...

    async def let_go(self, service_ids: Collection[UUID]) -> None: ...

    async def release(self, by: str, now: datetime) -> None: ...

    async def forget_released(self, before: datetime) -> None: ...


class Work(Protocol):
    @property
    def brake(self) -> BrakeStore: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Brake:
    """The use cases of the brake; each is one transaction with its line in the audit trail."""

    def __init__(self, store: Store, policy: BrakePolicy) -> None:
        self._store = store
        self.policy = policy

    async def state(self) -> BrakeState | None:
        """Return how it stands; None where it was never pulled."""
        async with self._store.read() as work:
            return await work.brake.state()

    async def held(self, most: int) -> Sequence[HeldService]:
        """Return whom it holds open, by name, as many as that."""
        async with self._store.read() as work:
            return await work.brake.held_services(most)

    async def weigh(self, closing: Collection[UUID], now: datetime) -> Collection[UUID]:
        """Return which of these services, open on record and about to be closed for money, are held open instead.

        What was closed so within the last hour counts with them; what a person has let through does not.
        """
        if not closing:
            return ()
        async with self._store.write() as work:
            await work.brake.alone()
            asked = set(closing).difference(await work.brake.released(closing))
            state = await work.brake.state()
            is_on = state is not None and state.is_on
            if not asked:
                return ()
            if not is_on:
                count = len(asked) + await work.brake.closed_since(now - self.policy.window)
                base = await work.brake.base()
                if not is_too_many(count, base, self.policy):
                    return ()
                because = f"{count} of {base} services would be closed for money within an hour"
                await work.brake.pull("share", because, count, base, SCHEDULE.name, now)
                details = {"because": because, "closing": count, "base": base}
                await work.changes.record(SCHEDULE, now, "brake.pull", "brake", 1, details)
            await work.brake.hold(asked, now)
            await _tell(work, SCHEDULE, now, "brake.hold", asked)
        return asked

    async def pull(self, because: str, actor: Actor, now: datetime) -> BrakeState:
        """Pull it by hand: nobody more is closed for money until it is released.

        A script that fetches payments does so when it fails: who has paid meanwhile is not known then.
        """
        words = " ".join(because.split())[:_WORDS] or "held by hand"
        async with self._store.write() as work:
            await work.brake.alone()
            await work.brake.pull("person", words, 0, await work.brake.base(), actor.name, now)
            await work.changes.record(actor, now, "brake.pull", "brake", 1, {"because": words})
            state = await work.brake.state()
        assert state is not None  # noqa: S101 - it has just been written
        return state

    async def release(self, actor: Actor, now: datetime) -> int:
        """Let everybody go that it holds, and return how many: they are closed now, as far as they still owe.

        Raises:
            RefusedError: it is not on.
        """
        async with self._store.write() as work:
            await work.brake.alone()
            state = await work.brake.state()
            if state is None or not state.is_on:
                raise RefusedError("the brake is not on", code="brake_off")
            held = await work.brake.held()
            await work.brake.release(actor.name, now)
            await work.changes.record(actor, now, "brake.release", "brake", 1, {"held": len(held)})
            await _tell(work, actor, now, "brake.release", held)
        return len(held)

    async def let_go(self, paid: Collection[UUID], now: datetime) -> None:
        """Hold these no longer: nothing would close them now. Release it where so few are left as need not be asked.

        One that a person has pulled stays.
        """
        async with self._store.write() as work:
            await work.brake.alone()
            await work.brake.forget_released(now - KEPT)
            state = await work.brake.state()
            if state is None or not state.is_on:
                return
            if paid:
                await work.brake.let_go(paid)
                await _tell(work, SCHEDULE, now, "brake.let_go", paid)
            left = await work.brake.state()
            held = left.held if left is not None else 0
            count = held + await work.brake.closed_since(now - self.policy.window)
            is_over = state.pulled_for == "share" and not is_too_many(count, await work.brake.base(), self.policy)
        if is_over:
            await self.release(SCHEDULE, now)


async def _tell(work: Work, actor: Actor, now: datetime, action: str, service_ids: Collection[UUID]) -> None:
    """Have every node decide anew on these services."""
    named = sorted(str(service_id) for service_id in service_ids)
    entries: list[tuple[int, Mapping[str, Any]]] = [
        (1, {"service_ids": named[start : start + _SERVICES_A_CHANGE]})
        for start in range(0, len(named), _SERVICES_A_CHANGE)
    ]
    await work.changes.record_many(actor, now, action, "brake", entries)
