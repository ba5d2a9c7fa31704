"""One subscriber's session on the router: its counters, its queue, and the accounting it sends."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from netbilld.demo.nas.errors import SessionEndedError
from netbilld.demo.nas.packets import AccountingRecord, Call, accounting_request
from netbilld.demo.nas.radius_client import RadiusClient
from netbilld.demo.nas.shaper import RateLimit, Shaper, parse_rate_limit
from netbilld.demo.nas.spec import NasSpec
from netbilld.demo.nas.traffic import Wish
from netbilld.demo.nas.wire import AccessReply, AcctStatus, TerminateCause

# Walled off, a home still asks for names, probes for the internet and loads the notice page.
_TRICKLE = Wish(upload_bps=16_000, download_bps=64_000)
_UPLOAD_PACKET_OCTETS, _DOWNLOAD_PACKET_OCTETS = 300, 1_100  # averages of a home line


@dataclass(slots=True)
class Totals:
    """What one subscriber transferred over all sessions, and how much of it the server knows.

    `reported` was in an accounting packet that was acknowledged; `sent` was in one that left the router, so the
    server may know it although its answer was lost.
    """

    upload_octets: int = 0
    download_octets: int = 0
    reported_upload_octets: int = 0
    reported_download_octets: int = 0
    sent_upload_octets: int = 0
    sent_download_octets: int = 0


class SessionHost(Protocol):
    """What a session needs of the router it runs on."""

    spec: NasSpec

    def now(self) -> datetime:
        """Return the router's wall clock."""
        ...

    def forget(self, session: "Session") -> None:
        """Take a session that is over out of the tables."""
        ...

    def spawn(self, work: Coroutine[Any, Any, bool]) -> asyncio.Task[bool]:
        """Run something beside, for as long as the router is up."""
        ...


class Session:
    """Lives from the Access-Accept to the Stop. Counters are 64-bit, as the router's are."""

    def __init__(
        self,
        host: SessionHost,
        client: RadiusClient,
        call: Call,
        granted: AccessReply,
        totals: Totals,
    ) -> None:
        if call.address is None:
            raise ValueError("a session needs an address")
        self.call = call
        self.granted = granted
        self.username = call.subscriber.username
        self.session_id = call.session_id
        self.address = call.address
        self.address_lists = granted.address_lists
        self.walled = any(name in host.spec.walled_lists for name in granted.address_lists)
        self.interim_seconds = (
            host.spec.interim_override_seconds or granted.interim_seconds or host.spec.interim_seconds
        )
        self.upload_octets = 0
        self.download_octets = 0
        self.upload_bps = 0
        self.download_bps = 0
        self.ended = asyncio.Event()
        self.cause: TerminateCause | None = None
        self.rate_limit_text = ""
        self._host = host
        self._client = client
        self._totals = totals
        self._loop = asyncio.get_running_loop()
        self._started_mono = self._loop.time()
        self._ended_mono: float | None = None
        self._reported = (0, 0)
        self._sent = (0, 0)
        self._idle_milliseconds = 0
        self._carrier = True
        self._timeout: asyncio.TimerHandle | None = None
        self._farewell: asyncio.Task[bool] | None = None
        self._line = asyncio.Lock()  # one accounting packet of a session at a time, in order
        self._limit: RateLimit
        self._up: Shaper
        self._down: Shaper
        self.shape(granted.rate_limit)
        self.set_timeout(granted.session_timeout_seconds)
        self._greeting = host.spawn(self._report(AcctStatus.START, lambda: False))

    @property
    def online_seconds(self) -> int:
        """Acct-Session-Time."""
        return int((self._ended_mono or self._loop.time()) - self._started_mono)

    def shape(self, rate_limit: str) -> None:
        """Replace the queue.

        Raises:
            RateLimitSyntaxError: the text is not a rate limit; the old queue stays.
        """
        self._limit = parse_rate_limit(rate_limit)
        self._up, self._down = Shaper(self._limit.upload), Shaper(self._limit.download)
        self.rate_limit_text = rate_limit

    def set_timeout(self, seconds: int) -> None:
        """End the session after so many seconds from now, or from its start where the router counts so; 0 is never."""
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None
        if seconds:
            from_start = self._host.spec.coa_timeout_counts_from == "start"
            due_mono = (self._started_mono if from_start else self._loop.time()) + seconds
            self._timeout = self._loop.call_at(due_mono, self.end, TerminateCause.SESSION_TIMEOUT)

    def lose_carrier(self) -> None:
        """Let nothing pass any more; the router has not noticed yet."""
        self._carrier = False
        self.upload_bps = self.download_bps = 0

    def carry(self, wish: Wish, milliseconds: int) -> None:
        """Let one tick's worth of the wish through the queue."""
        if not self._carrier or self.ended.is_set():
            return
        if self.walled:
            wish = Wish(min(wish.upload_bps, _TRICKLE.upload_bps), min(wish.download_bps, _TRICKLE.download_bps))
        upload = self._up.pass_octets(wish.upload_bps, milliseconds)
        download = self._down.pass_octets(wish.download_bps, milliseconds)
        self.upload_bps, self.download_bps = upload * 8_000 // milliseconds, download * 8_000 // milliseconds
        self._count(self.upload_octets + upload, self.download_octets + download)
        self._idle_milliseconds = 0 if upload or download else self._idle_milliseconds + milliseconds
        idle_limit = self.granted.idle_timeout_seconds
        if idle_limit and self._idle_milliseconds >= idle_limit * 1_000:
            self.end(TerminateCause.IDLE_TIMEOUT)

    async def started(self) -> bool:
        """Wait until the server has acknowledged the Start; False when the router died before."""
        return await asyncio.shield(self._greeting)

    async def ended_within(self, seconds: float) -> bool:
        """Wait so long for the end; False when the session is still there."""
        try:
            async with asyncio.timeout(seconds):
                await self.ended.wait()
        except TimeoutError:
            return False
        return True

    async def interim(self, upload_octets: int | None = None, download_octets: int | None = None) -> bool:
        """Report the counters, or these absolute ones; True once acknowledged, False when a Stop overtook it.

        Raises:
            SessionEndedError: the session is over.
            ValueError: a counter would run backwards.
        """
        self._set(upload_octets, download_octets)
        return await self._report(AcctStatus.INTERIM, self.ended.is_set)

    @property
    def reporting(self) -> bool:
        """Whether a packet of this session waits for its answer."""
        return self._line.locked()

    async def stop(
        self,
        upload_octets: int | None = None,
        download_octets: int | None = None,
        cause: TerminateCause = TerminateCause.USER_REQUEST,
    ) -> bool:
        """End the session with these absolute counters; True once the Stop is acknowledged.

        Raises:
            SessionEndedError: the session is over already.
            ValueError: a counter would run backwards.
        """
        self._set(upload_octets, download_octets)
        self.end(cause)
        return await self.stopped()

    def end(self, cause: TerminateCause) -> None:
        """Take the session down now; the router then sends its Stop."""
        if self.ended.is_set():
            return
        self.cause = cause
        self._close()
        self._farewell = self._host.spawn(self._report(AcctStatus.STOP, lambda: False))

    def die(self) -> None:
        """Vanish without a Stop: the router itself has lost power."""
        if not self.ended.is_set():
            self._close()

    async def stopped(self) -> bool:
        """Wait until the session is over; True when its Stop is acknowledged, False when it died without one."""
        await self.ended.wait()
        return False if self._farewell is None else await asyncio.shield(self._farewell)

    def _close(self) -> None:
        self._ended_mono = self._loop.time()
        self.upload_bps = self.download_bps = 0
        if self._timeout is not None:
            self._timeout.cancel()
        self.ended.set()
        self._host.forget(self)

    def _set(self, upload_octets: int | None, download_octets: int | None) -> None:
        if self.ended.is_set():
            raise SessionEndedError(f"session {self.session_id} of {self.username} has ended")
        upload = self.upload_octets if upload_octets is None else upload_octets
        download = self.download_octets if download_octets is None else download_octets
        if upload < self.upload_octets or download < self.download_octets:
            raise ValueError("a session's counters never run backwards")
        self._count(upload, download)

    def _count(self, upload_octets: int, download_octets: int) -> None:
        self._totals.upload_octets += upload_octets - self.upload_octets
        self._totals.download_octets += download_octets - self.download_octets
        self.upload_octets, self.download_octets = upload_octets, download_octets

    async def _report(self, status: AcctStatus, abandoned: Callable[[], bool]) -> bool:
        record = self._record(status)
        async with self._line:
            if self._client.closed or abandoned():
                return False
            counters = (record.upload_octets, record.download_octets)
            self._note_sent(counters)
            acknowledged = await self._client.account(partial(accounting_request, self._host.spec, record), abandoned)
            if acknowledged:
                self._note_reported(counters)
            return acknowledged

    def _record(self, status: AcctStatus) -> AccountingRecord:
        record = AccountingRecord(
            status=status,
            call=self.call,
            event_at_unix=int(self._host.now().timestamp()),
            class_values=self.granted.class_values,
        )
        if status == AcctStatus.START:
            return record
        return replace(
            record,
            session_seconds=self.online_seconds,
            upload_octets=self.upload_octets,
            download_octets=self.download_octets,
            upload_packets=-(-self.upload_octets // _UPLOAD_PACKET_OCTETS),
            download_packets=-(-self.download_octets // _DOWNLOAD_PACKET_OCTETS),
            cause=self.cause if status == AcctStatus.STOP else None,
        )

    def _note_sent(self, counters: tuple[int, int]) -> None:
        upload, download = (max(pair) for pair in zip(self._sent, counters, strict=True))
        self._totals.sent_upload_octets += upload - self._sent[0]
        self._totals.sent_download_octets += download - self._sent[1]
        self._sent = (upload, download)

    def _note_reported(self, counters: tuple[int, int]) -> None:
        upload, download = (max(pair) for pair in zip(self._reported, counters, strict=True))
        self._totals.reported_upload_octets += upload - self._reported[0]
        self._totals.reported_download_octets += download - self._reported[1]
        self._reported = (upload, download)
