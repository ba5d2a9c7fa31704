"""PostgreSQL is stopped for minutes under load, then netbilld is killed, then both are back.

    python -m benchmarks.outage [--minutes 10] [--rate 500] [--sessions 3000] [--subscribers 3000]

Twenty NAS log subscribers in and send accounting of 21 attributes at an even rate, with further log-ins beside it, and
retransmit as RouterOS does: after 1.1 s, three tries in all. The client keeps the truth: what each session has moved
when its Stop was answered. Afterwards the database must hold exactly that: in sessions, slices, hours and periods.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import Any, Final

import asyncpg

from benchmarks.bars import Bar, at_least, at_most, print_bars
from benchmarks.contenders import netbilld_on_postgresql, postgresql, sources
from benchmarks.seed import SECRET, name_and_password
from netbilld.radius.attributes import CLASS
from netbilld.radius.authenticator import Secret
from netbilld.radius.exchange import build_request
from netbilld.radius.packet import decode, encode_attribute
from netbilld.radius.passwords import hide_password
from tests.daemon_process import DaemonProcess

NAS: Final = 20
TRIES: Final = 3
RESEND_SECONDS: Final = 1.1
TICK_SECONDS: Final = 0.01
LOG_INS_A_SECOND: Final = 20
WARM_SECONDS: Final = 5.0
AFTER_RESTART_SECONDS: Final = 15.0
PATIENCE_SECONDS: Final = 900.0
CAUGHT_UP_SECONDS: Final = 2.0  # what is younger has just come
CATCH_UP: Final = 10.0
LEAST_MINUTES: Final = 3.0  # a short outage is no measure: the database is looked for every few seconds
_START, _STOP, _INTERIM = 1, 2, 3
_SNAPSHOT: Final = "netbilld_snapshot_taken_timestamp_seconds"
_KEY: Final = Secret(SECRET.encode())


@dataclass(slots=True)
class Session:
    """One session and the truth about it."""

    number: int
    nas: int
    upload: int = 0
    download: int = 0
    began: float = 0.0
    granted: bytes = b""  # Class, as the log-in was answered
    is_busy: bool = False
    is_started: bool = False
    is_over: bool = False


@dataclass(slots=True)
class Waiting:
    """A request on its way."""

    request: bytes
    first: float
    next: float
    answered: Callable[[bytes | None], None]
    expects: int
    tries: int = 1


@dataclass(slots=True)
class Counted:
    """What became of requests; `first_sent` and `given_up` are of those that nobody answered."""

    sent: int = 0
    answered: int = 0
    resent: int = 0
    wrong: int = 0
    latencies: list[tuple[float, float]] = field(default_factory=list)  # when it was first sent, and how long it took
    given_up: list[float] = field(default_factory=list)  # when each was first sent


class Nas(asyncio.DatagramProtocol):
    """One router: a socket to each port of the daemon."""

    def __init__(self, counted: Counted) -> None:
        self.waiting: dict[int, Waiting] = {}
        self._counted = counted
        self._next = 0
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def free_identifier(self) -> int | None:
        """Return an identifier that is not in use."""
        for _ in range(256):
            self._next = (self._next + 1) % 256
            if self._next not in self.waiting:
                return self._next
        return None

    def send(self, identifier: int, waiting: Waiting) -> None:
        """Send a request and keep it until it is answered."""
        self.waiting[identifier] = waiting
        self._counted.sent += 1
        self._transport.sendto(waiting.request)

    def close(self) -> None:
        """Give the socket back."""
        self._transport.close()

    def error_received(self, exc: Exception) -> None:
        """Nobody listens: as good as no answer."""

    def datagram_received(self, data: bytes, _addr: Any) -> None:
        waiting = self.waiting.get(data[1])
        if waiting is None:
            return
        proof = md5(data[:4] + waiting.request[4:20] + data[20:] + SECRET.encode(), usedforsecurity=False).digest()
        if proof != data[4:20] or data[0] != waiting.expects:
            self._counted.wrong += 1
            return
        del self.waiting[data[1]]
        self._counted.answered += 1
        self._counted.latencies.append((waiting.first, time.monotonic() - waiting.first))
        waiting.answered(data)

    def look(self, now: float) -> None:
        """Send again what waits for too long, and give up what was sent often enough."""
        for identifier, waiting in list(self.waiting.items()):
            if waiting.next > now:
                continue
            if waiting.tries == TRIES:
                del self.waiting[identifier]
                self._counted.given_up.append(waiting.first)
                waiting.answered(None)
                continue
            waiting.tries += 1
            waiting.next = now + RESEND_SECONDS
            self._counted.resent += 1
            self._transport.sendto(waiting.request)


class Field:
    """All routers and sessions, in a thread with an event loop of its own."""

    def __init__(self, daemon: DaemonProcess, options: argparse.Namespace) -> None:
        self.accounting, self.log_ins = Counted(), Counted()
        self.sessions = [Session(number, number % NAS) for number in range(options.sessions)]
        self._daemon = daemon
        self._options = options
        self._chance = random.Random(4)
        self._is_ending = False
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def start(self) -> None:
        self._thread.start()

    def end_sessions(self) -> None:
        """Send every session's Stop, again and again until it is answered, then end."""
        self._is_ending = True
        self._thread.join()

    def abandon(self) -> None:
        self._is_stopped.set()
        self._thread.join()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        acct: list[Nas] = []
        auth: list[Nas] = []
        for source in sources(NAS):
            for found, counted, port in (
                (acct, self.accounting, self._daemon.acct_port),
                (auth, self.log_ins, self._daemon.auth_port),
            ):
                _, nas = await loop.create_datagram_endpoint(
                    lambda counted=counted: Nas(counted),  # type: ignore[misc]  # bound now
                    local_addr=(source, 0),
                    remote_addr=("127.0.0.1", port),
                )
                found.append(nas)
        began = last_look = time.monotonic()
        turn = reports = logged_in = 0
        while not self._is_stopped.is_set() and not all(session.is_over for session in self.sessions):
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            due = int((now - began) * self._options.rate)
            for _ in range(len(self.sessions)):
                if reports >= due:
                    break
                turn = (turn + 1) % len(self.sessions)
                reports += self._turn(self.sessions[turn], acct, auth, now)
            reports = max(
                reports, due - self._options.rate
            )  # what could not be sent for want of identifiers is skipped
            while logged_in < (now - began) * LOG_INS_A_SECOND:
                logged_in += 1
                self._log_in(self._chance.randrange(self._options.subscribers), auth[logged_in % NAS], now)
            if now - last_look > RESEND_SECONDS / 10:
                last_look = now
                for nas in (*acct, *auth):
                    nas.look(now)
        for nas in (*acct, *auth):
            nas.close()
        await asyncio.sleep(0)

    def _turn(self, session: Session, acct: list[Nas], auth: list[Nas], now: float) -> bool:
        """Let a session's router send what is next of it; return whether it did."""
        if session.is_busy or session.is_over:
            return False
        if session.granted:
            return self._report(session, acct[session.nas], now)

        def answered(reply: bytes | None) -> None:
            session.is_busy = False
            if reply is not None:
                session.granted = decode(reply).attributes[CLASS]

        session.is_busy = self._log_in(session.number, auth[session.nas], now, answered)
        return session.is_busy

    def _report(self, session: Session, nas: Nas, now: float) -> bool:
        identifier = nas.free_identifier()
        if identifier is None:
            return False
        if not session.is_started:
            status, session.began = _START, now
        else:
            status = _STOP if self._is_ending else _INTERIM
            session.upload += self._chance.randrange(500_000)
            session.download += self._chance.randrange(5_000_000)
        session.is_busy = True

        def answered(reply: bytes | None) -> None:
            session.is_busy = False
            if reply is not None:
                session.is_started = True
                session.is_over = status == _STOP

        request = build_request(4, identifier, _KEY, _accounting(session, status, now), False)
        nas.send(identifier, Waiting(request, now, now + RESEND_SECONDS, answered, expects=5))
        return True

    def _log_in(
        self, number: int, nas: Nas, now: float, answered: Callable[[bytes | None], None] = lambda _: None
    ) -> bool:
        identifier = nas.free_identifier()
        if identifier is None:
            return False
        name, password = name_and_password(number)
        authenticator = self._chance.randbytes(16)
        attributes = encode_attribute(1, name.encode())
        attributes += encode_attribute(2, hide_password(password.encode(), _KEY, authenticator))
        request = build_request(1, identifier, _KEY, attributes, True, authenticator=authenticator)
        nas.send(identifier, Waiting(request, now, now + RESEND_SECONDS, answered, expects=2))
        return True


def _accounting(session: Session, status: int, now: float) -> bytes:
    """Return 21 attributes, as RouterOS sends them of PPPoE."""
    name, _ = name_and_password(session.number)
    mac = b"02:00:00:%02X:%02X:%02X" % tuple(session.number.to_bytes(3, "big"))
    seconds = int(now - session.began)
    fields: list[tuple[int, bytes | int]] = [
        (40, status), (1, name.encode()), (44, b"8%07x" % session.number), (61, 15), (5, session.number),
        (87, b"<pppoe-%d>" % session.number), (31, mac), (25, session.granted),
        (30, b"internet"), (6, 2), (7, 1), (8, (10 << 24) + session.number), (45, 1), (32, b"nas%d" % session.nas),
        (41, 0), (46, seconds), (42, session.upload & 0xFFFFFFFF), (52, session.upload >> 32),
        (43, session.download & 0xFFFFFFFF), (53, session.download >> 32), (55, int(time.time())),
    ]  # fmt: skip
    return b"".join(
        encode_attribute(key, value if isinstance(value, bytes) else value.to_bytes(4, "big")) for key, value in fields
    )


@dataclass(slots=True)
class Moments:
    """When what happened, in monotonic seconds."""

    away: float = 0.0
    killed: float = 0.0
    answering: float = 0.0
    back: float = 0.0
    joined: float = 0.0
    caught_up: float = 0.0


def measure(directory: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[Bar]]:
    """Return what was seen, and the bars."""
    moments = Moments()
    settings = {"NETBILLD_OUTAGE__SNAPSHOT_SECONDS": "10"}
    with (
        postgresql(directory) as cluster,
        netbilld_on_postgresql(directory / "netbilld", cluster, options.subscribers, NAS, **settings) as daemon,
    ):
        daemon.start()
        _wait(lambda: _SNAPSHOT in daemon.metrics(), "a snapshot")
        with _running(Field(daemon, options)) as field_of_nas:
            time.sleep(WARM_SECONDS)
            _say("PostgreSQL is stopped")
            cluster.stop("fast")
            moments.away = time.monotonic()
            time.sleep(options.minutes * 60)
            waiting = daemon.metrics()
            _say("netbilld is killed")
            moments.killed = time.monotonic()
            daemon.kill()
            daemon.start()
            moments.answering = time.monotonic()
            _say(f"netbilld answers again after {moments.answering - moments.killed:.1f} s, without PostgreSQL")
            time.sleep(min(AFTER_RESTART_SECONDS, options.minutes * 60))
            cluster.start()
            moments.back = time.monotonic()
            _say("PostgreSQL is back")
            _wait(lambda: not daemon.metrics()["netbilld_knowledge_from_snapshot"], "the database is joined")
            moments.joined = time.monotonic()
            _wait(lambda: _oldest_seconds(daemon) < CAUGHT_UP_SECONDS, "the journal is applied")
            moments.caught_up = time.monotonic()
            _say(f"caught up after {moments.caught_up - moments.back:.1f} s")
            field_of_nas.end_sessions()
            _wait(lambda: not daemon.metrics()["netbilld_metering_behind_octets"], "all is applied")
        troubles = daemon.metrics()
        stored = asyncio.run(_stored(daemon.environment["NETBILLD_DATABASE_URL"]))
        if daemon.terminate() or "Traceback" in daemon.log:
            _say(daemon.log[-3000:])
    return _judged(field_of_nas, moments, stored, waiting, troubles, options)


def _judged(
    routers: Field,
    moments: Moments,
    stored: dict[str, int],
    waiting: dict[str, float],
    troubles: dict[str, float],
    options: argparse.Namespace,
) -> tuple[dict[str, Any], list[Bar]]:
    truth = {
        "sessions": len(routers.sessions),
        "upload": sum(session.upload for session in routers.sessions),
        "download": sum(session.download for session in routers.sessions),
    }
    wrong = sum(abs(stored[f"{where}_{way}"] - truth[way]) for where in _SUMS for way in ("upload", "download"))
    outage, catching_up = moments.back - moments.away, moments.caught_up - moments.back
    accounting, log_ins = routers.accounting, routers.log_ins
    figures: dict[str, Any] = {
        "minutes": options.minutes,
        "rate": options.rate,
        "packets": accounting.sent,
        "log_ins": log_ins.sent,
        "retransmissions": accounting.resent + log_ins.resent,
        "unapplied_octets_before_the_kill": waiting["netbilld_journal_unapplied_octets"],
        "oldest_unapplied_seconds_before_the_kill": waiting["netbilld_journal_oldest_unapplied_seconds"],
        "restart_seconds": round(moments.answering - moments.killed, 2),
        "outage_seconds": round(outage, 1),
        "joined_seconds": round(moments.joined - moments.back, 2),
        "caught_up_seconds": round(catching_up, 2),
        "accounting_p99_ms": _by_phase(accounting, moments),
        "log_in_p99_ms": _by_phase(log_ins, moments),
        "truth": truth,
        "stored": stored,
    }
    bars = [
        at_most("outage: packets unanswered while netbilld ran", _unanswered(accounting, moments), 0),
        at_most("outage: log-ins unanswered while netbilld ran", _unanswered(log_ins, moments), 0),
        at_most("outage: wrong answers", accounting.wrong + log_ins.wrong, 0),
        at_most("outage: sessions lost or doubled", abs(stored["sessions"] - truth["sessions"]), 0),
        at_most("outage: octets lost or doubled", wrong, 0, "B"),
        at_most("outage: records that could not be metered", troubles["netbilld_metering_parked_total"], 0),
    ]
    if options.minutes >= LEAST_MINUTES:
        bars.append(at_least("outage: caught up, times real time", outage / catching_up, CATCH_UP, "x"))
    return figures, bars


def _unanswered(counted: Counted, moments: Moments) -> int:
    """Return how many requests nobody answered, although netbilld ran during all of their tries."""
    last_try = RESEND_SECONDS * TRIES
    return sum(
        first + last_try < moments.killed or first > moments.answering  # it was there from the first try to the last
        for first in counted.given_up
    )


def _by_phase(counted: Counted, moments: Moments) -> dict[str, float]:
    """Return the 99th percentile of how long answers took, in milliseconds, of what was sent in each phase."""
    phases = {
        "before": (0.0, moments.away),
        "while PostgreSQL was away": (moments.away, moments.killed - RESEND_SECONDS),
        "after the restart, from the snapshot": (moments.answering, moments.back),
        "while the journal was applied": (moments.back, moments.caught_up),
        "afterwards": (moments.caught_up, float("inf")),
    }
    found = {
        name: sorted(took for first, took in counted.latencies if begin <= first < end)
        for name, (begin, end) in phases.items()
    }
    return {name: round(took[int(len(took) * 0.99)] * 1000, 2) for name, took in found.items() if took}


_SUMS: Final = {
    "sessions": "SELECT sum(upload_octets), sum(download_octets) FROM sessions",
    "slices": "SELECT sum(upload_octets), sum(download_octets) FROM usage_slices",
    "hours": "SELECT sum(upload_octets), sum(download_octets) FROM usage_hours",
    "periods": "SELECT sum(upload_octets), sum(download_octets) FROM usage_periods",
}


async def _stored(url: str) -> dict[str, int]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        found = {"sessions": int(await connection.fetchval("SELECT count(*) FROM sessions"))}
        for name, query in _SUMS.items():
            row = await connection.fetchrow(query)
            found[f"{name}_upload"], found[f"{name}_download"] = int(row[0] or 0), int(row[1] or 0)
        return found
    finally:
        await connection.close()


@contextmanager
def _running(routers: Field) -> Iterator[Field]:
    routers.start()
    try:
        yield routers
    finally:
        routers.abandon()


def _oldest_seconds(daemon: DaemonProcess) -> float:
    return daemon.metrics()["netbilld_journal_oldest_unapplied_seconds"]


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {PATIENCE_SECONDS:.0f} s: {what}")
        time.sleep(0.1)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Run it once, print the figures and the bars; the exit code is 1 if one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--minutes", type=float, default=10, help="how long PostgreSQL is away before netbilld is killed"
    )
    parser.add_argument("--rate", type=int, default=500, help="accounting packets a second")
    parser.add_argument("--sessions", type=int, default=3_000)
    parser.add_argument("--subscribers", type=int, default=3_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="netbilld-bench-") as directory:
        figures, bars = measure(Path(directory), options)
    print(json.dumps(figures, indent=2))
    print_bars(bars)
    return 0 if all(bar.met for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
