"""Follows what gateways have said: callbacks in turn, and by asking where none came.

A callback is a hint. Where its proof leaves out the verdict, or the settings want it so, the gateway is asked how the
payment is, and that is booked. All that is booked goes through one function and one set of facts, so a callback, a
look of ours and both at once end alike; a kill between any two steps leaves the callback to be followed again.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

from netbilld.billing.gateway import GatewayState, Notice
from netbilld.model.actor import Actor
from netbilld.model.errors import NetbilldError, StoreUnavailableError
from netbilld.ports.gateway_records import Attempt, Callback
from netbilld.ports.gateways import Gateway, GatewayAwayError, GatewayRefusedError, MalformedCallbackError
from netbilld.services import book_notice
from netbilld.services.book_notice import Booked, BookNotice, NotBookedError, is_money
from netbilld.services.keep_callbacks import notice_of
from netbilld.services.paying import Doing
from netbilld.services.receive_payment import Taken

AT_ONCE: Final = 8
_BATCH: Final = 64
_UNSURE_TRIES: Final = 6  # a gateway that says something else than its callback is asked again so often
_LONGEST_PAUSE: Final = timedelta(hours=1)
_FIRST_PAUSE: Final = timedelta(seconds=5)
FIRST_LOOK: Final = timedelta(minutes=15)
AFTER_EXPIRY: Final = timedelta(minutes=5)
DAILY: Final = timedelta(days=1)
DAILY_LOOKS: Final = 3
_FAULT: Final = "a fault of the program: its log has it"
_GIVEN_UP: Final = DAILY * (DAILY_LOOKS + 1)
_T = TypeVar("_T")
logger = logging.getLogger("netbilld.gateways")


class Work(book_notice.Work, Protocol):
    pass


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class FollowGateways:
    """Books what gateways say."""

    def __init__(
        self,
        store: Store,
        gateways: Sequence[Gateway],
        book: BookNotice,
        now: Callable[[], datetime],
        nudge: Callable[[], None],
    ) -> None:
        """Follow these gateways.

        Args:
            store: where callbacks and attempts are.
            gateways: as they are set up.
            book: what books.
            now: the clock.
            nudge: makes the daemon look at what has changed.
        """
        self._store, self._book, self._now, self._nudge = store, book, now, nudge
        self._gateways = {one.name: one for one in gateways}
        self.counts: Counter[tuple[str, str]] = Counter()

    async def run(self, gateway: str | None = None) -> int:
        """Follow the callbacks that are due, of one gateway or of all, and return how many there were."""
        async with self._store.read() as work:
            due = await work.gateway_inbox.due(self._now(), _BATCH, gateway)
        await _some_at_once(due, self._follow_safely)
        return len(due)

    async def look(self) -> int:
        """Ask for the payments whose time has come, and return how many there were."""
        async with self._store.read() as work:
            due = await work.gateways.due(self._now(), _BATCH)
        await _some_at_once(due, self._ask_safely)
        return len(due)

    # -- callbacks -----------------------------------------------------------------------------------------------------

    async def _follow_safely(self, callback: Callback) -> None:
        try:
            await self._follow(callback)
        except StoreUnavailableError:
            raise
        except Exception:  # one that nobody foresaw must not keep the others from being followed
            logger.exception("callback %d of %s could not be followed", callback.id, callback.gateway)
            await self._again(callback, _FAULT)

    async def _follow(self, callback: Callback) -> None:
        gateway = self._gateways.get(callback.gateway)
        if gateway is None or callback.notice is None:
            await self._end(callback, Booked("not_set_up", is_parked=True, detail="this gateway is set up no more"))
            return
        notice = notice_of(callback.notice)
        if gateway.confirms_callbacks and is_money(notice.state):
            sure = await self._confirmed(gateway, callback, notice)
            if sure is None:
                return
            notice = sure
        await self._book_callback(callback, notice)

    async def _confirmed(self, gateway: Gateway, callback: Callback, notice: Notice) -> Notice | None:
        """Return what the gateway says itself; None where that is not known yet, or not what the callback said."""
        async with self._store.read() as work:
            attempt = await work.gateways.find(notice.ref)
        if attempt is None or attempt.gateway != gateway.name:
            return notice  # of which nothing is booked, whatever it says
        try:
            said = await _status(gateway, attempt)
        except GatewayAwayError as error:  # for as long as it lasts: what came is on record
            await self._again(callback, str(error))
            return None
        except (GatewayRefusedError, MalformedCallbackError) as error:
            await self._doubt(callback, str(error))
            return None
        if said is None or _says_less(said, notice):
            told = "nothing" if said is None else said.raw_status
            await self._doubt(callback, f"the callback said {notice.raw_status}, the gateway says {told}")
            return None
        return _joined(notice, said)

    async def _doubt(self, callback: Callback, detail: str) -> None:
        if callback.tries + 1 < _UNSURE_TRIES:
            await self._again(callback, detail)
        else:
            await self._end(callback, Booked("not_confirmed", is_parked=True, detail=detail))

    async def _book_callback(self, callback: Callback, notice: Notice) -> None:
        now = self._now()
        doing = self._book.doing(Doing(Actor(f"gateway {callback.gateway}", callback.source), now, now.date()))
        try:
            async with self._store.write() as work:
                kept = await work.gateway_inbox.find(callback.id, lock=True)
                if kept is None or kept.state != "new":
                    return  # another node was first
                booked = await self._book.run(work, notice, callback.gateway, doing, by_callback=True)
                state = "parked" if booked.is_parked else "done"
                await work.gateway_inbox.end(callback.id, state, booked.verdict, booked.detail, now)
        except NotBookedError as refused:
            await self._end(callback, Booked(refused.verdict, is_parked=True, detail=refused.detail))
        except Taken as taken:
            detail = f"payment {taken.payment.receipt_no or taken.payment.id} was recorded by hand before"
            await self._end(callback, Booked("known_by_hand", detail=detail))
        else:
            self._counted(callback.gateway, booked)

    async def _again(self, callback: Callback, detail: str) -> None:
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 3**callback.tries)
        async with self._store.write() as work:
            await work.gateway_inbox.again(callback.id, min(callback.tries + 1, 20), self._now() + pause, detail)
        self.counts[callback.gateway, "again"] += 1

    async def _end(self, callback: Callback, booked: Booked) -> None:
        state = "parked" if booked.is_parked else "done"
        async with self._store.write() as work:
            await work.gateway_inbox.end(callback.id, state, booked.verdict, booked.detail, self._now())
        self._counted(callback.gateway, booked)

    def _counted(self, gateway: str, booked: Booked) -> None:
        self.counts[gateway, "parked" if booked.is_parked else booked.verdict] += 1
        if booked.verdict in {"credited", "refunded", "reversed"}:
            self._nudge()

    # -- asking --------------------------------------------------------------------------------------------------------

    async def _ask_safely(self, attempt: Attempt) -> None:
        try:
            await self.ask(attempt)
        except StoreUnavailableError:
            raise
        except Exception:  # one that nobody foresaw must not keep the others from being asked for
            logger.exception("payment %s of %s could not be asked for", attempt.ref, attempt.gateway)
            await self._looked(attempt, _after_trouble(attempt, self._now()), _FAULT)

    async def ask(self, attempt: Attempt) -> Booked | None:
        """Ask a gateway how a payment is and book that; None where it says nothing, which is put on record."""
        gateway, now = self._gateways.get(attempt.gateway), self._now()
        if gateway is None:
            await self._looked(attempt, None, "this gateway is set up no more")
            return None
        try:
            notice = await _status(gateway, attempt)
        except NetbilldError as error:
            if isinstance(error, StoreUnavailableError):
                raise
            await self._looked(attempt, _after_trouble(attempt, now), str(error))
            return None
        if notice is None:
            await self._looked(attempt, next_look_at(attempt, now), "")
            return None
        doing = self._book.doing(Doing(Actor(f"gateway {attempt.gateway}", "status"), now, now.date()))
        try:
            async with self._store.write() as work:
                booked = await self._book.run(work, notice, attempt.gateway, doing, by_callback=False)
                trouble = f"{booked.verdict}: {booked.detail}" if booked.is_parked else ""
                following = None if notice.state.is_paid else next_look_at(attempt, now)
                await work.gateways.looked(attempt.ref, attempt.looks + 1, following, trouble)
        except NotBookedError as refused:
            await self._looked(attempt, None, f"{refused.verdict}: {refused.detail}")
            return Booked(refused.verdict, is_parked=True, detail=refused.detail)
        except Taken as taken:
            await self._looked(attempt, None, f"recorded by hand as {taken.payment.receipt_no}")
            return Booked("known_by_hand")
        self._counted(attempt.gateway, booked)
        return booked

    async def _looked(self, attempt: Attempt, following: datetime | None, trouble: str) -> None:
        async with self._store.write() as work:
            await work.gateways.looked(attempt.ref, attempt.looks + 1, following, trouble)


def next_look_at(attempt: Attempt, now: datetime) -> datetime | None:
    """Return when a payment is asked for: 15 minutes after it was made, 5 after it ended, then daily three times."""
    times = [attempt.created_at + FIRST_LOOK, attempt.expires_at + AFTER_EXPIRY]
    times += [attempt.expires_at + AFTER_EXPIRY + DAILY * count for count in range(1, DAILY_LOOKS + 1)]
    return min((one for one in times if one > now), default=None)


def _after_trouble(attempt: Attempt, now: datetime) -> datetime | None:
    """Return when a payment is asked for after that went wrong; None once it is too old to be."""
    pause = min(_LONGEST_PAUSE, timedelta(minutes=1) * 2 ** min(attempt.looks, 6))
    return now + pause if now < attempt.expires_at + _GIVEN_UP else None


async def _status(gateway: Gateway, attempt: Attempt) -> Notice | None:
    """Return what the gateway says of this payment.

    Raises:
        GatewayAwayError: it can't be asked.
        GatewayRefusedError: it will not say, or answers for another.
    """
    said = await gateway.status(attempt.ref, attempt.gateway_ref or None)
    if said is not None and said.ref != attempt.ref:
        raise GatewayRefusedError(f"{gateway.name} answers for {said.ref}", code="other_order")
    return said


def _says_less(said: Notice, notice: Notice) -> bool:
    """Tell whether the gateway itself is not as far as its callback; a denial takes back what was settled."""
    if notice.state is GatewayState.DENIED and said.transaction == notice.transaction:
        return said.state is not GatewayState.DENIED
    return said.state.rank < notice.state.rank


def _joined(notice: Notice, said: Notice) -> Notice:
    """Return what the gateway says itself, with what only the callback knew."""
    same = said.transaction == notice.transaction
    return replace(
        said,
        amount_minor=said.amount_minor if said.amount_minor is not None else notice.amount_minor,
        paid_at=said.paid_at or notice.paid_at,
        fee_minor=said.fee_minor if said.fee_minor is not None else notice.fee_minor if same else None,
        refunded_minor=max(said.refunded_minor, notice.refunded_minor if said.state is notice.state else 0),
    )


async def _some_at_once(items: Sequence[_T], do: Callable[[_T], Awaitable[object]]) -> None:
    """Do it for each, a few at a time."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(item: _T) -> None:
        async with turn:
            await do(item)

    async with asyncio.TaskGroup() as tasks:
        for item in items:
            tasks.create_task(one(item))
