"""The router: its subscribers' sessions, its power, and what it does with an order."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self

from netbilld.adapters.clock import SystemClock
from netbilld.demo.nas import phone
from netbilld.demo.nas.address_pool import AddressTable
from netbilld.demo.nas.coa_server import Order, OrderServer, OrderStats, identifies_nothing, wrong_router
from netbilld.demo.nas.errors import DialError, LoginRefusedError, NoAnswerError
from netbilld.demo.nas.misbehaviour import Misbehaviour
from netbilld.demo.nas.modem import Modem
from netbilld.demo.nas.packets import Call, access_request, accounting_on
from netbilld.demo.nas.radius_client import RadiusClient, RadiusStats
from netbilld.demo.nas.session import Session, Totals
from netbilld.demo.nas.shaper import RateLimitSyntaxError, parse_rate_limit
from netbilld.demo.nas.spec import Demand, NasSpec
from netbilld.demo.nas.wire import AccessReply, ErrorCause, TerminateCause
from netbilld.model.errors import NotFoundError, RefusedError

Outage = Literal["customers", "nas"]

_CLOCK = SystemClock()
_PPP_PORT_BASE = 0xF00000
_SESSIONS_A_BOOT = 1 << 20  # five hexadecimal digits
_NOTICE_SECONDS = 1.0  # the longest it takes the router to see that a line is dead
_LAST_GASP_SECONDS = 2.0
_CATCH_UP_SECONDS = 5.0


class SimulatedNas:
    """A BNG on loopback. As a context manager it is up inside the block and pulled from the wall at its end.

    Args:
        automatic: let the modems dial, traffic flow and interims go by themselves. Without it nothing happens but
            what `open`, `Session.interim` and `Session.stop` are told, so that a test holds every octet.
        now: the router's wall clock.
    """

    def __init__(self, spec: NasSpec, *, automatic: bool = True, now: Callable[[], datetime] = _CLOCK.now) -> None:
        self.spec = spec
        self.now = now
        self.misbehaviour = Misbehaviour()
        self.stats = RadiusStats()
        self.modems = {subscriber.username: Modem(subscriber, spec.seed) for subscriber in spec.subscribers}
        self.sessions: dict[str, Session] = {}
        self.boot_digit = spec.boot_digit
        self.coa_port = spec.coa_port
        self.cut_sessions: list[Session] = []
        self.power = asyncio.Event()
        self._automatic = automatic
        self._addresses = AddressTable(spec.pools, spec.default_pool)
        self._totals = {username: Totals() for username in self.modems}
        self._chance = random.Random(f"{spec.seed}/power")
        self._calls = 0
        self._client = RadiusClient(spec, self.misbehaviour, self.stats)
        self._incoming = OrderServer(spec, self.misbehaviour, now, self._carry_out)
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[bool]] = set()

    async def __aenter__(self) -> Self:
        """Switch the router on.

        Raises:
            OSError: its address or CoA port can't be had.
        """
        self.coa_port = await self._incoming.open(self.coa_port)
        await self._tasks.__aenter__()
        self._boot()
        if self._automatic:
            self.spawn(self._tick_forever())
            for modem in self.modems.values():
                self.spawn(modem.run(self.power, self._connect_modem))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Pull the plug; sessions end without a Stop. Use `shut_down` first for a clean end."""
        self._go_dark()
        for task in self._running:
            task.cancel()
        # only a cancellation is the group's business (a task failed, or we were cancelled); any other error of the
        # block goes on as itself, not wrapped into a group
        if isinstance(error, asyncio.CancelledError):
            await self._tasks.__aexit__(kind, error, trace)
        else:
            await self._tasks.__aexit__(None, None, None)

    @property
    def orders(self) -> list[Order]:
        """Every sound CoA- and Disconnect-Request since the start, in order of arrival."""
        return self._incoming.orders

    @property
    def order_stats(self) -> OrderStats:
        """Counters of the order port."""
        return self._incoming.stats

    def spawn(self, work: Coroutine[Any, Any, bool]) -> asyncio.Task[bool]:
        """Run something beside, until the router is gone; its failure ends the router."""
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    # -- dialling --------------------------------------------------------------------------------------------------

    async def open(self, username: str) -> Session:
        """Log this subscriber in; returns when the server has acknowledged the Start.

        Raises:
            NotFoundError: no such subscriber hangs on this router.
            DialError: refused, unanswered, or the session could not be set up.
        """
        session = await self._connect(self.modem(username))
        await session.started()
        return session

    def modem(self, username: str) -> Modem:
        """Return a subscriber's device.

        Raises:
            NotFoundError: no such subscriber hangs on this router.
        """
        try:
            return self.modems[username]
        except KeyError:
            raise NotFoundError(f"{self.spec.name} has no subscriber {username}") from None

    def session_of(self, username: str) -> Session | None:
        """Return a subscriber's newest live session, or nothing."""
        newest = None
        for session in self.sessions.values():
            if session.username == username:
                newest = session
        return newest

    async def _connect_modem(self, modem: Modem) -> Session:
        session = await self._connect(modem)
        self.spawn(self._interims(session))
        return session

    async def _connect(self, modem: Modem) -> Session:
        if not self.power.is_set():
            raise DialError("no power")
        client, call = self._client, self._new_call(modem)
        verdict = await client.authenticate(partial(access_request, self.spec, call))
        try:
            granted = self._granted(verdict, client)
            address = self._addresses.for_session(granted.framed_ip_address, granted.framed_pool, call.address)
            call = replace(call, address=address)
            session = self._establish(client, call, granted)
        except DialError:
            if call.address is not None:
                self._addresses.release(call.address)
            raise
        modem.session = session
        return session

    def _granted(self, verdict: AccessReply | None, client: RadiusClient) -> AccessReply:
        if client.closed or not self.power.is_set():
            raise DialError("the power went while dialling")
        if verdict is None:
            raise NoAnswerError("the RADIUS server does not answer")
        if not verdict.accepted:
            raise LoginRefusedError(verdict.reply_message or "log-in refused")
        return verdict

    def _establish(self, client: RadiusClient, call: Call, granted: AccessReply) -> Session:
        try:
            session = Session(self, client, call, granted, self._totals[call.subscriber.username])
        except RateLimitSyntaxError as error:
            raise DialError(f"no queue could be made: {error}") from None
        self.sessions[session.session_id] = session
        return session

    def _new_call(self, modem: Modem) -> Call:
        self._calls += 1
        number = self._calls % _SESSIONS_A_BOOT
        ppp = modem.subscriber.service == "pppoe"
        address = None
        if not ppp:  # a hotspot device has its address before it logs in
            address = self._addresses.from_pool()
        session_id = f"{'81' if ppp else '80'}{self.boot_digit:x}{number:05x}"
        return Call(modem.subscriber, session_id, _PPP_PORT_BASE + number, address)

    def forget(self, session: Session) -> None:
        """Take a session that is over out of the tables, and free its address."""
        if self.sessions.pop(session.session_id, None) is not None:
            self._addresses.release(session.address)

    # -- time ------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Let one tick's worth of traffic through every session."""
        for session in list(self.sessions.values()):
            wish = self.modems[session.username].traffic.wish(self.spec.tick_milliseconds)
            session.carry(wish, self.spec.tick_milliseconds)

    async def _tick_forever(self) -> bool:
        loop = asyncio.get_running_loop()
        due_mono = loop.time()
        while True:
            due_mono += self.spec.tick_milliseconds / 1_000
            late_seconds = loop.time() - due_mono
            if late_seconds > _CATCH_UP_SECONDS:  # the machine slept; do not pour it all out at once
                due_mono = loop.time()
            await asyncio.sleep(max(0.0, -late_seconds))
            self.tick()

    async def _interims(self, session: Session) -> bool:
        """Report at the interval, counted from the session's start; a slow answer makes it skip, never pile up."""
        loop = asyncio.get_running_loop()
        due_mono = loop.time()
        while session.interim_seconds:
            while due_mono <= loop.time():
                due_mono += session.interim_seconds
            if await session.ended_within(due_mono - loop.time()):
                break
            if session.ended.is_set():  # as the interval ran out
                break
            if not session.reporting:
                await session.interim()
        return True

    # -- power -----------------------------------------------------------------------------------------------------

    async def power_cut(
        self, outage_seconds: float, mode: Outage = "customers", *, last_gasp: bool | None = None
    ) -> None:
        """Cut the power; returns when it is back. The modems then dial again, each after a while of its own.

        Args:
            outage_seconds: how long it lasts.
            mode: `customers` leaves the router running on its battery: it sees the lines die and sends Stops with
                Lost-Carrier. `nas` takes the router too: no Stop, no answer to orders, and the next boot digit.
            last_gasp: send an interim for every session at the moment of the cut; by default only the battery does.

        Raises:
            RefusedError: the power is off already.
        """
        if not self.power.is_set():
            raise RefusedError("the power is off already")
        gasp = mode == "customers" if last_gasp is None else last_gasp
        self.power.clear()
        self.cut_sessions = dying = list(self.sessions.values())
        for session in dying:
            session.lose_carrier()
        farewells = [self.spawn(self._gasp(session)) for session in dying] if gasp else []
        if mode == "customers":
            for session in dying:
                self.spawn(self._notice_loss(session, min(outage_seconds, _NOTICE_SECONDS)))
            await asyncio.sleep(outage_seconds)
        else:
            if farewells:
                await asyncio.wait(farewells, timeout=_LAST_GASP_SECONDS)
            self._go_dark()
            await asyncio.sleep(outage_seconds)
            await self._reboot()
        self.power.set()

    async def shut_down(self, timeout_seconds: float = 2.0) -> bool:
        """Switch off in order: a Stop for every session; True when the server took them all in time."""
        self.power.clear()
        leaving = list(self.sessions.values())
        for session in leaving:
            session.end(TerminateCause.ADMIN_REBOOT)
        if not leaving:
            return True
        waiting = [self.spawn(session.stopped()) for session in leaving]
        done, _ = await asyncio.wait(waiting, timeout=timeout_seconds)
        return len(done) == len(waiting) and all(task.result() for task in done)

    async def _gasp(self, session: Session) -> bool:
        return False if session.ended.is_set() else await session.interim()

    async def _notice_loss(self, session: Session, within_seconds: float) -> bool:
        await asyncio.sleep(self._chance.uniform(0, within_seconds))
        session.end(TerminateCause.LOST_CARRIER)
        return True

    def _go_dark(self) -> None:
        self.power.clear()
        self._client.close()
        self._incoming.close()
        for session in list(self.sessions.values()):
            session.die()

    async def _reboot(self) -> None:
        self.boot_digit = (self.boot_digit + 1) % 16
        self._calls = 0
        self._client = RadiusClient(self.spec, self.misbehaviour, self.stats)
        await self._incoming.open(self.coa_port)
        self._boot()

    def _boot(self) -> None:
        self.power.set()
        if self.spec.accounting_on:
            boot_id = f"{0:02x}{self.boot_digit:x}{0:05x}"
            build = partial(accounting_on, self.spec, boot_id, int(self.now().timestamp()))
            self.spawn(self._client.account(build, lambda: False))

    # -- orders ----------------------------------------------------------------------------------------------------

    def _carry_out(self, order: Order) -> int | None:
        if wrong_router(order, self.spec):
            return ErrorCause.NAS_IDENTIFICATION_MISMATCH
        if identifies_nothing(order):
            return ErrorCause.MISSING_ATTRIBUTE
        meant = [session for session in self.sessions.values() if _fits(order, session)]
        if not meant:
            return ErrorCause.SESSION_CONTEXT_NOT_FOUND
        if order.kind == "disconnect":
            for session in meant:
                session.end(TerminateCause.ADMIN_RESET)
            return None
        try:
            parse_rate_limit(order.rate_limit or "")
        except RateLimitSyntaxError:
            return ErrorCause.INVALID_ATTRIBUTE_VALUE
        for session in meant:
            if order.rate_limit is not None:
                session.shape(order.rate_limit)
            if order.session_timeout_seconds is not None:
                session.set_timeout(order.session_timeout_seconds)
        # as on RouterOS, Mikrotik-Address-List is acknowledged and changes nothing
        return None

    # -- looking in ------------------------------------------------------------------------------------------------

    def ground_truth(self) -> dict[str, dict[str, int]]:
        """Return by user name the octets truly transferred, those the server acknowledged, and those sent to it."""
        return {username: asdict(totals) for username, totals in self._totals.items()}

    def cut_truth(self) -> dict[str, dict[str, int | bool]]:
        """Return by session id what the sessions of the last power cut carried; final, as nothing passes since."""
        return {
            session.session_id: {
                "upload_octets": session.upload_octets,
                "download_octets": session.download_octets,
                "ended": session.ended.is_set(),
            }
            for session in self.cut_sessions
        }

    def want(self, username: str, demand: Demand) -> None:
        """Change what a home uses.

        Raises:
            NotFoundError: no such subscriber hangs on this router.
        """
        self.modem(username).want(demand)

    async def browse(self, username: str, url: str, headers: dict[str, str] | None = None) -> phone.Page:
        """Open a page on a phone behind the subscriber's session.

        Raises:
            RefusedError: the subscriber is offline.
        """
        session = self.session_of(username)
        if session is None:
            raise RefusedError(f"{username} is offline, so nothing behind it reaches a page")
        return await phone.get(url, session.address, headers)


def _fits(order: Order, session: Session) -> bool:
    return (
        order.username in ("", session.username)
        and order.acct_session_id in ("", session.session_id)
        and order.framed_ip_address in ("", str(session.address))
        and order.calling_station_id in ("", session.call.subscriber.mac)
    )
