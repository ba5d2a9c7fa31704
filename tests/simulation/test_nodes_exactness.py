"""Sessions whose packets go to either of two daemons, one of which is killed and comes back much later: every octet."""

import asyncio
import random
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from tests.daemon_process import FLAT_PLAN, DaemonProcess
from tests.nas_socket import NasSocket
from tests.node_world import coa_server, leads, nodes_on
from tests.peers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.peer]

SESSIONS = 240
ROUNDS = 8
INTERVAL_SECONDS = 300
DOUBLED = 0.2
AT_ONCE = 80
ALLOWANCE = 60 * 10**9
GATE = 0x6E62_6D65_0000  # the lock that whoever changes sessions shares; see adapters/database/metered_sessions.py
NAS = "127.0.0.3"
SMALL_PLAN = FLAT_PLAN.replace("RUMAH20", "KECIL").replace("300GB", "60GB")


@dataclass
class Session:
    """One session and the truth about it; counters are 64 bits wide."""

    number: int
    up: int = 0
    down: int = 0
    seconds: int = 0

    @property
    def name(self) -> str:
        return f"user{self.number:03}"

    def packet(self, nas: NasSocket, status: str, began_at: float, **counters: int) -> bytes:
        """Return what it says of a moment that has passed: a report every five minutes needs no test of an hour."""
        return nas.accounting_request(
            status,
            session_id=f"81{self.number:06x}",
            user=self.name,
            mac=f"02:00:00:00:{self.number >> 8:02X}:{self.number & 255:02X}",
            ip=f"10.0.{self.number >> 8}.{self.number & 255}",
            seconds=self.seconds,
            delay=round(time.time() - began_at) - self.seconds,
            **counters,
        )


class Sprayer:
    """A NAS that sends each packet to either node, some of them to both, and turns to the other when one is silent."""

    def __init__(self, nodes: list[DaemonProcess], chance: random.Random) -> None:
        self._sockets = {node.directory.name: NasSocket(node, NAS) for node in nodes}
        self._chance = chance
        self.alive = set(self._sockets)
        self._began_at = time.time() - INTERVAL_SECONDS * (ROUNDS + 4)  # every session, by the NAS's clock

    def close(self) -> None:
        for socket in self._sockets.values():
            socket.__exit__()

    def send(self, status: str, what: Iterable[tuple[Session, dict[str, int]]], name: str | None = None) -> None:
        """Send one packet for each of these, in this order, and wait until every one is answered."""
        packets = list(what)
        for start in range(0, len(packets), AT_ONCE):
            waiting: dict[str, dict[int, bytes]] = {one: {} for one in self._sockets}
            for session, counters in packets[start : start + AT_ONCE]:
                names = [name] if name is not None else sorted(self.alive)
                self._chance.shuffle(names)
                for one in names if self._chance.random() < DOUBLED else names[:1]:
                    packet = session.packet(self._sockets[one], status, self._began_at, **counters)
                    waiting[one][packet[1]] = packet
            for one, requests in waiting.items():
                self._exchange(self._sockets[one], requests)

    def _exchange(self, socket: NasSocket, requests: dict[int, bytes]) -> None:
        for _ in range(10):
            for request in requests.values():
                socket.send(request, accounting=True)
            with suppress(TimeoutError):
                while requests:
                    requests.pop(socket.receive(2).identifier, None)
            if not requests:
                return
        pytest.fail(f"{len(requests)} packets are not answered")


@contextmanager
def meters_held_up(url: str) -> Iterator[None]:
    """Let no meter apply anything meanwhile."""
    place = make_url(url)
    with asyncio.Runner() as runner:
        connection = runner.run(
            asyncpg.connect(host=place.host, port=place.port, user=place.username, database=place.database)
        )
        runner.run(connection.execute("SELECT pg_advisory_lock($1)", GATE))
        yield
        runner.run(connection.close())


def _grow(session: Session, chance: random.Random) -> dict[str, int]:
    session.up += chance.randrange(2**32)
    session.down += chance.randrange(2**33)
    session.seconds += INTERVAL_SECONDS
    return {"up": session.up, "down": session.down}


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("comes_back", ["starts again", "its journal is replayed"])
def test_totals_are_exact_over_two_nodes_when_one_is_killed_and_its_journal_applied_much_later(
    tmp_path: Path, migrated_url: str, comes_back: str
) -> None:
    """INCA-1: packets of every session go to either node, some to both; one dies with records nobody has applied."""
    chance = random.Random(11)
    sessions = [Session(number) for number in range(SESSIONS)]
    with coa_server(NAS) as coa, nodes_on(tmp_path, [migrated_url, migrated_url]) as (first, second):
        first.plan(SMALL_PLAN)
        first.nas("pop1", NAS, "--coa-port", str(coa.port))
        path = tmp_path / "subscribers.csv"
        path.write_text("username,password,plan\n" + "".join(f"{session.name},rahasia,KECIL\n" for session in sessions))
        first.cli("import", "subscribers", str(path))
        first.start()
        wait_until(lambda: bool(leads(first)), "the first node leads")
        second.start()
        nas = Sprayer([first, second], chance)
        try:
            nas.send("start", [(session, {}) for session in sessions])
            for number in range(ROUNDS):
                order = chance.sample(sessions, SESSIONS)
                if number == ROUNDS // 2:
                    with meters_held_up(migrated_url):  # it dies with records that it has answered and not applied
                        nas.send("interim", [(one, _grow(one, chance)) for one in order[::2]], "first")
                        first.kill()
                    nas.alive = {"second"}
                nas.send("interim", [(session, _grow(session, chance)) for session in order])
            nas.send("stop", [(session, _grow(session, chance)) for session in sessions])
        finally:
            nas.close()
        wait_until(lambda: _open(second) == 0, "the living node has applied its own", 60)
        wait_until(lambda: bool(leads(second)), "and leads")
        assert second.json("journal", "status", str(first.data_dir / "journal"))["unapplied_records"] > 0
        if comes_back == "starts again":
            first.start()
            wait_until(lambda: first.metrics()["netbilld_metering_behind_octets"] == 0, "the dead node's is applied")
            assert first.metrics()["netbilld_metering_parked_total"] == 0
        else:
            second.cli("journal", "replay", str(first.data_dir))
        assert second.metrics()["netbilld_metering_parked_total"] == 0
        truth = {session.name: (session.up, session.down) for session in sessions}
        found = second.json("session", "list", "--all")
        assert {one["username"]: (one["input_octets"], one["output_octets"]) for one in found} == truth
        assert len(found) == SESSIONS
        assert {one["state"] for one in found} == {"closed"}
        for session in sessions[:: SESSIONS // 6]:
            usage = second.json("usage", "show", session.name)
            assert (usage["upload_octets"], usage["download_octets"]) == truth[session.name]
        for session in sessions[:: SESSIONS // 12]:  # the allowance is used up exactly where it is
            is_over = session.up + session.down >= ALLOWANCE
            assert (second.json("subscriber", "show", session.name)["access"] == "throttled") == is_over, session


def _open(node: DaemonProcess) -> int:
    return len(node.json("session", "list"))
