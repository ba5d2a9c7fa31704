"""AssignAddresses: gives log-ins addresses from our own pools, each written down before it is said.

**Why every Accept waits for its row.** The primary key (pool, address) of `address_leases` is the one place where two
requests, processes or nodes can meet. Memory proposes an address; the row is taken only where it is free, or already
this very station's on this NAS; whoever loses the row tries the next address. An address that was this service's last
time is no exception: another node may have given it away a moment ago, and even a single node that answered first and
wrote afterwards could crash in between, forget, and give it again. A row that is still held for the same station is no
exception either: its Start and Stop may be on their way, and with them its release; taking it anew moves `taken_at`, by
which the release sees that it comes too late. What it costs is one row in a batch that many log-ins share.

The one exception is a database that is away: then whoever had an address gets that one back if, as far as this process
knows, nobody else has it (counted as `given_unwritten`, and written as soon as possible); everybody else is refused.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import PoolKind
from netbilld.model.errors import StoreUnavailableError
from netbilld.ports.clock import SteadyClock
from netbilld.radius.access import AccessView, Decision, Entropy, Reason, refusal
from netbilld.radius.attributes import (
    ACCT_SESSION_ID,
    CALLING_STATION_ID,
    DELEGATED_IPV6_PREFIX,
    FRAMED_IP_ADDRESS,
    FRAMED_IPV6_PREFIX,
    NAS_PORT,
    NAS_PORT_ID,
)
from netbilld.radius.packet import encode_attribute
from netbilld.radius.server import Request
from netbilld.radius.terms import AccessTerms
from netbilld.radius.values import normalise_mac, text
from netbilld.services.address_book import AddressBook, Place
from netbilld.services.address_refusals import address_message
from netbilld.services.lease_table import LeaseTable
from netbilld.services.sparing_log import SparingLog

_log = logging.getLogger("netbilld.addresses")

MAX_WAITING: Final = 20_000  # log-ins whose address is being taken; beyond them a log-in is refused
MAX_UNWRITTEN: Final = 20_000
BATCH_LOGINS: Final = 1_000
ANSWER_SECONDS: Final = 5.0  # after which even a patient NAS has turned away; one that asks again gets the late answer
HANG_SECONDS: Final = 2.0  # a database that takes so long over one batch counts as away
AWAY_SECONDS: Final = 0.5  # between two looks at a database that is away
_KEY_OCTETS: Final = 253

_ATTRIBUTES: Final = {
    PoolKind.IPV4: FRAMED_IP_ADDRESS,
    PoolKind.IPV6_PREFIX: FRAMED_IPV6_PREFIX,
    PoolKind.DELEGATED: DELEGATED_IPV6_PREFIX,
}


class Addresses(Protocol):
    async def at(self, places: Collection[tuple[UUID, str]]) -> list[AddressLease]: ...

    async def take(self, wanted: Sequence[tuple[AddressLease, int]]) -> set[tuple[UUID, str]]: ...


class Work(Protocol):
    @property
    def addresses(self) -> Addresses: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(slots=True)
class AddressCounters:
    """Since the start; `conflicts` are addresses that a session was seen with although another service has them."""

    given: int = 0
    given_unwritten: int = 0
    lost_races: int = 0
    refused_full: int = 0
    refused_unavailable: int = 0
    conflicts: int = 0


@dataclass(slots=True)
class _Need:
    table: LeaseTable
    number: int | None = None
    got: bool = False


@dataclass(slots=True, eq=False)
class _Login:
    """A log-in that waits for its addresses."""

    view: AccessView
    request: Request
    decision: Decision
    answer: Callable[[Decision], None]
    session_key: str | None
    deadline_mono: float
    needs: list[_Need] = field(default_factory=list)
    is_answered: bool = False

    @property
    def station(self) -> tuple[UUID, UUID, str | None]:
        return (self.view.service_id, self.request.client.nas_id, self.session_key)


class AssignAddresses:
    """The pools of this process; `admit` is called from the sockets, `run` writes what was proposed."""

    def __init__(
        self,
        store: Store,
        clock: SteadyClock,
        entropy: Entropy,
        book: AddressBook,
        *,
        hold_seconds: int,
        locale_of: Callable[[UUID], str],
    ) -> None:
        """Take what to work with.

        Args:
            store: where the leases are.
            clock: time, and the monotonic clock that deadlines are by.
            entropy: gives that many unpredictable octets.
            book: what is known of pools and leases.
            hold_seconds: how long an address waits for its session's Start.
            locale_of: the language of a service's subscriber.
        """
        self.counters: Final = AddressCounters()
        self.book: Final = book
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._hold = timedelta(seconds=hold_seconds)
        self._locale_of = locale_of
        self._waiting: deque[_Login] = deque()
        self._proposed: dict[tuple[LeaseTable, UUID, UUID, str | None], int] = {}  # what a station is about to take
        self._wake = asyncio.Event()
        self._away = False
        self._lines = SparingLog()

    # -- the authentication path ---------------------------------------------------------------------------------------

    def admit(
        self,
        view: AccessView,
        request: Request,
        decision: Decision,
        now: datetime,  # noqa: ARG002 - what others are judged by
        answer: Callable[[Decision], None],
    ) -> Decision | None:
        """Return the decision where no pool of ours is concerned, or a refusal; None if `answer` is called later."""
        terms = view.terms
        if terms is None or (terms.pool is None and terms.ipv6_pool is None and terms.delegated_pool is None):
            return decision
        login = _Login(view, request, decision, answer, session_key(request), request.arrived_mono + ANSWER_SECONDS)
        for kind, name in _named(terms):
            table = self.book.named(kind, name)
            if table is None:  # removed this very moment
                return self._refuse(login, Reason.POOL_UNAVAILABLE, f"pool {name} is gone")
            login.needs.append(_Need(table))
        if self._away:
            return self._remembered(login)
        if len(self._waiting) >= MAX_WAITING:
            return self._refuse(login, Reason.POOL_UNAVAILABLE, "too many log-ins wait for an address")
        for need in login.needs:
            self._propose(login, need)
        self._waiting.append(login)
        self._wake.set()
        return None

    def _propose(self, login: _Login, need: _Need) -> None:
        """Choose an address to try; one station's several requests at once try the same."""
        table = need.table
        key = (table, *login.station)
        number = self._proposed.get(key) if login.session_key is not None else None
        if number is None:
            number = table.choose(*login.station)
            if number is not None:
                table.want(number)
                if login.session_key is not None:
                    self._proposed[key] = number
        need.number = number

    def _withdraw(self, login: _Login, need: _Need) -> None:
        if need.number is not None:
            need.table.unwant(need.number)
            self._proposed.pop((need.table, *login.station), None)
            need.number = None

    def _remembered(self, login: _Login) -> Decision:
        """Return an Accept with the addresses the service had, as far as known still its own, or a refusal."""
        numbers = [need.table.remembered(*login.station) for need in login.needs]
        known = [number for number in numbers if number is not None]
        if len(known) < len(numbers) or len(self.book.unwritten) > MAX_UNWRITTEN:
            return self._refuse(login, Reason.POOL_UNAVAILABLE, "the database is away")
        for need, number in zip(login.needs, known, strict=True):
            need.number = number
            lease = self._lease(login, need)
            need.table.put(lease)
            self.book.unwritten[lease.pool_id, lease.address] = lease
        self.counters.given_unwritten += 1
        return self._granted(login)

    def _granted(self, login: _Login) -> Decision:
        said = login.decision.attributes
        for need in login.needs:
            pool = need.table.pool
            said += encode_attribute(_ATTRIBUTES[pool.kind], pool.packed(pool.address(need.number or 0)))
        self.counters.given += 1
        return replace(login.decision, attributes=said)

    def _refuse(self, login: _Login, reason: Reason, detail: str) -> Decision:
        if reason is Reason.POOL_FULL:
            self.counters.refused_full += 1
        else:
            self.counters.refused_unavailable += 1
        if self._lines.is_due((reason, detail), self._clock.monotonic()):
            _log.warning("a log-in was refused: %s", detail, extra={"event": "address_refused"})
        message = address_message(reason, self._locale_of(login.view.service_id))
        return refusal(login.request, login.decision.method, reason, self._entropy, message, detail)

    def _lease(self, login: _Login, need: _Need) -> AddressLease:
        assert need.number is not None  # noqa: S101 - chosen before
        service_id, nas_id, key = login.station
        pool, now = need.table.pool, self._clock.now()  # it is held from when it is given, not from when it was asked
        return AddressLease(pool.id, pool.address(need.number), service_id, nas_id, key, now, now + self._hold)

    # -- writing -------------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many log-ins wait for their address."""
        return len(self._waiting)

    @property
    def unwritten(self) -> int:
        """How many addresses were given while the database was away and wait to be written."""
        return len(self.book.unwritten)

    async def run(self) -> None:
        """Take what was proposed, many log-ins a transaction, for ever; where the database is away, look for it."""
        while True:
            if self._away or self.book.unwritten:
                await self._come_back()
                if self._away:
                    await asyncio.sleep(AWAY_SECONDS)
                    continue
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            await self.flush()

    async def flush(self) -> None:
        """Take addresses for those who wait, and answer them; returns when nobody waits any more."""
        while self._waiting and not self._away:
            batch = [self._waiting.popleft() for _ in range(min(BATCH_LOGINS, len(self._waiting)))]
            task = asyncio.ensure_future(self._take(batch))
            try:
                await asyncio.wait({task}, timeout=HANG_SECONDS)
            except asyncio.CancelledError:
                task.cancel()
                raise
            if not task.done():  # a database that hangs: those who wait are told, what it says later is taken in
                self._go_away("it does not answer in time")
                self._give_up(batch)
                with suppress(Exception):
                    await task
                continue
            error = task.exception()
            if error is None:
                continue
            if isinstance(error, StoreUnavailableError):
                self._go_away(str(error))
                self._give_up(batch)
            elif len(batch) > 1:  # one of them can't be stored: the others must not suffer for it
                for login in reversed(batch):
                    self._waiting.appendleft(login)
                await self._one_by_one(len(batch))
            else:
                self._fail(batch[0], error)

    async def _one_by_one(self, count: int) -> None:
        for _ in range(min(count, len(self._waiting))):
            login = self._waiting.popleft()
            try:
                await self._take([login])
            except StoreUnavailableError as error:
                self._go_away(str(error))
                self._give_up([login])
                return
            except Exception as error:  # noqa: BLE001 - one log-in's fault is its own
                self._fail(login, error)

    def _fail(self, login: _Login, error: BaseException) -> None:
        for need in login.needs:
            self._withdraw(login, need)
        _log.error("no address could be given to service %s", login.view.service_id, exc_info=error)
        self._answer(login, self._refuse(login, Reason.POOL_UNAVAILABLE, "the address can't be written down"))

    async def _take(self, batch: list[_Login]) -> None:
        """Try once for each log-in: answer those that got all, let those that lost try again."""
        for login in batch:
            self._follow_changes(login)
        await self.book.look_again({need.table for login in batch for need in login.needs if need.number is None})
        tries: list[tuple[_Login, _Need, int, Place]] = []
        wanted: dict[Place, tuple[AddressLease, int]] = {}
        tried: list[_Login] = []
        for login in batch:
            for need in login.needs:
                if need.number is None:
                    self._propose(login, need)
            if (refusal := self._hopeless(login)) is not None:
                self._finish(login, *refusal)
                continue
            tried.append(login)
            for need in login.needs:
                if need.number is not None and not need.got:
                    lease = self._lease(login, need)
                    place = (lease.pool_id, lease.address)
                    first = wanted.get(place)
                    if first is not None and not first[0].is_of(*login.station):  # never two in one statement
                        need.number = None
                        continue
                    wanted[place] = (lease, need.table.pool.revision)
                    tries.append((login, need, need.number, place))
        if not wanted:
            return
        async with self._store.write() as work:
            got = await work.addresses.take([wanted[place] for place in sorted(wanted)])
            lost = await work.addresses.at([place for place in wanted if place not in got])
        self.book.learn([wanted[place][0] for place in got])
        self.book.learn(lost)
        has_changed = False
        for login, need, number, place in tries:
            if login.is_answered:  # it took too long, and was told so
                continue
            self._withdraw(login, need)
            if place in got:
                need.number, need.got = number, True
            else:
                has_changed = has_changed or need.table.get(number) is None
                self.counters.lost_races += 1
        for login in tried:
            if all(need.got for need in login.needs):
                self._answer(login, self._granted(login))
            elif not login.is_answered:
                self._waiting.append(login)
        if has_changed:  # lost to nobody: the pool itself is another now
            await self.book.load()

    def _follow_changes(self, login: _Login) -> None:
        """Let a log-in go on in its pools as they are now: the numbers of one that has changed are others."""
        for need in login.needs:
            now = self.book.table(need.table.pool.id)
            if now is not None and now is not need.table:
                self._withdraw(login, need)
                need.table, need.number, need.got = now, None, False

    def _hopeless(self, login: _Login) -> tuple[Reason, str] | None:
        """Return why a log-in gets no address, None while there is one to try."""
        for need in login.needs:
            if self.book.table(need.table.pool.id) is None:
                return Reason.POOL_UNAVAILABLE, f"pool {need.table.pool.name} is gone"
            if need.number is None:
                return Reason.POOL_FULL, f"pool {need.table.pool.name} is full"
        if self._clock.monotonic() > login.deadline_mono:
            return Reason.POOL_UNAVAILABLE, "no address was got in time"
        return None

    def _finish(self, login: _Login, reason: Reason, detail: str) -> None:
        for need in login.needs:
            if not need.got:
                self._withdraw(login, need)
        self._answer(login, self._refuse(login, reason, detail))

    def _answer(self, login: _Login, decision: Decision) -> None:
        if login.is_answered:
            return
        login.is_answered = True
        try:
            login.answer(decision)
        except Exception:  # noqa: BLE001 - one reply that can't be sent must not keep the others from theirs
            _log.exception("an answer could not be sent")

    # -- a database that is away ---------------------------------------------------------------------------------------

    def begin_away(self) -> None:
        """Start while the database is away, and go by what the book holds."""
        self._away = True

    def _go_away(self, why: str) -> None:
        if not self._away:
            _log.error("addresses can't be written down, those remembered are still given: %s", why)
        self._away = True

    def _give_up(self, batch: Iterable[_Login]) -> None:
        """Answer those who wait from memory."""
        waiting = [*batch, *self._waiting]
        self._waiting.clear()
        for login in waiting:
            for need in login.needs:
                self._withdraw(login, need)
        for login in waiting:
            if not login.is_answered:
                self._answer(login, self._remembered(login))

    async def _come_back(self) -> None:
        """Write what was given meanwhile; a place that somebody else has got is a conflict."""
        try:
            async with self._store.write() as work:
                wanted = {
                    place: (lease, table.pool.revision)
                    for place, lease in self.book.unwritten.items()
                    if (table := self.book.table(place[0])) is not None
                }
                got = await work.addresses.take([wanted[place] for place in sorted(wanted)])
                lost = await work.addresses.at([place for place in wanted if place not in got])
        except StoreUnavailableError as error:
            self._go_away(str(error))
            return
        except Exception:  # noqa: BLE001 - a lease that can't be stored must not keep the others from theirs
            await self._drop_unstorable()
            return
        for lease in lost:
            given = wanted[lease.pool_id, lease.address][0]
            if lease.service_id != given.service_id:
                self.counters.conflicts += 1
                _log.error(
                    "%s was given to service %s while the database was away, and is service %s's",
                    lease.address,
                    given.service_id,
                    lease.service_id,
                    extra={"event": "address_conflict"},
                )
        for place in [place for place in self.book.unwritten if self.book.table(place[0]) is None]:
            del self.book.unwritten[place]  # of a pool that is gone
        for place, (lease, _) in wanted.items():
            if self.book.unwritten.get(place) == lease:
                del self.book.unwritten[place]
        self.book.learn(lost)
        if self._away:
            _log.warning("addresses can be written down again", extra={"event": "addresses_back"})
            self._away = False
            await self.book.refresh()

    async def _drop_unstorable(self) -> None:
        """Try each lease that waits alone, and give up those that can't be stored; the rest is written next time."""
        for place, lease in list(self.book.unwritten.items()):
            table = self.book.table(place[0])
            if table is None:
                continue
            try:
                async with self._store.write() as work:
                    await work.addresses.take([(lease, table.pool.revision)])
            except StoreUnavailableError as error:
                self._go_away(str(error))
                return
            except Exception:  # noqa: BLE001 - as above, and the others are still tried
                _log.exception("%s, given while the database was away, can't be written down", lease.address)
                del self.book.unwritten[place]


def session_key(request: Request) -> str | None:
    """Return what tells a station from the others of its service: its MAC address, else its line, else its session."""
    attributes = request.packet.attributes
    station = text(attributes.get(CALLING_STATION_ID, b""))
    if station:
        return normalise_mac(station) or station[:_KEY_OCTETS]
    port = text(attributes.get(NAS_PORT_ID, b""))
    if port and NAS_PORT in attributes:
        return f"{port}/{attributes[NAS_PORT].hex()}"[:_KEY_OCTETS]
    return text(attributes.get(ACCT_SESSION_ID, b""))[:_KEY_OCTETS] or None


def _named(terms: AccessTerms) -> list[tuple[PoolKind, str]]:
    named = ((PoolKind.IPV4, terms.pool), (PoolKind.IPV6_PREFIX, terms.ipv6_pool))
    return [(kind, name) for kind, name in (*named, (PoolKind.DELEGATED, terms.delegated_pool)) if name is not None]
