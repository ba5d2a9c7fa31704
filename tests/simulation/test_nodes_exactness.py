"""Sessions whose packets go to either of two daemons, one of which is killed and comes back much later: every octet."""

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.daemon_process import FLAT_PLAN, DaemonProcess
from tests.nas_socket import NasSocket
from tests.node_world import leads, nodes_on
from tests.peers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.peer]

SESSIONS = 240
ROUNDS = 8
DOUBLED = 0.2
NAS = "127.0.0.3"
SMALL_PLAN = FLAT_PLAN.replace("RUMAH20", "KECIL").replace("300GB", "40GB")


@dataclass
class Session:
    """One session and the truth about it; counters are 64 bits wide."""

    number: int
    up: int = 0
    down: int = 0
    seconds: int = 0
    unanswered: list[tuple[str, dict[str, int]]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"user{self.number:03}"

    def packet(self, nas: NasSocket, status: str, **counters: int) -> bytes:
        return nas.accounting_request(
            status,
            session_id=f"81{self.number:06x}",
            user=self.name,
            mac=f"02:00:00:00:{self.number >> 8:02X}:{self.number & 255:02X}",
            ip=f"10.0.{self.number >> 8}.{self.number & 255}",
            **counters,
        )


class Sprayer:
    """A NAS that sends each packet to either node, some of them to both, and turns to the other when one is silent."""

    def __init__(self, nodes: list[DaemonProcess], chance: random.Random) -> None:
        self._sockets = {node.directory.name: NasSocket(node, NAS) for node in nodes}
        self._chance = chance
        self.alive = set(self._sockets)
        self.slowest_seconds = 0.0

    def close(self) -> None:
        for socket in self._sockets.values():
            socket.close()

    def send(self, session: Session, status: str, **counters: int) -> None:
        """Send until a node that lives has answered; a dead one is tried too, and has kept what it answered."""
        names = sorted(self.alive)
        self._chance.shuffle(names)
        wanted = names if self._chance.random() < DOUBLED else names[:1]
        for name in wanted:
            nas = self._sockets[name]
            began = time.monotonic()
            answer = nas.ask(session.packet(nas, status, **counters), accounting=True, timeout_seconds=2, tries=8)
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)
            assert answer is not None, f"{name} has not answered"

    def shout(self, session: Session, name: str, status: str, **counters: int) -> None:
        """Send to one node and wait for nothing."""
        nas = self._sockets[name]
        nas.send(session.packet(nas, status, **counters), accounting=True)


def _grow(session: Session, chance: random.Random) -> dict[str, int]:
    session.up += chance.randrange(2**32)
    session.down += chance.randrange(2**33)
    session.seconds += 300
    return {"up": session.up, "down": session.down, "seconds": session.seconds}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("comes_back", ["starts again", "its journal is replayed"])
def test_totals_are_exact_over_two_nodes_when_one_is_killed_and_its_journal_applied_much_later(
    tmp_path: Path, database_url: str, comes_back: str
) -> None:
    """INCA-1: packets of every session go to either node, some to both; one dies with records nobody has applied."""
    chance = random.Random(11)
    sessions = [Session(number) for number in range(SESSIONS)]
    with nodes_on(tmp_path, [database_url, database_url]) as (first, second):
        first.plan(SMALL_PLAN)
        first.nas("pop1", NAS)
        path = tmp_path / "subscribers.csv"
        path.write_text("username,password,plan\n" + "".join(f"{session.name},rahasia,KECIL\n" for session in sessions))
        first.cli("import", "subscribers", str(path))
        first.start()
        wait_until(lambda: bool(leads(first)), "the first node leads")
        second.start()
        nas = Sprayer([first, second], chance)
        try:
            for session in sessions:
                nas.send(session, "start")
            for number in range(ROUNDS):
                order = chance.sample(sessions, SESSIONS)
                if number == ROUNDS // 2:
                    # The first node answers these and dies before it can apply them: its meter is held up meanwhile.
                    _answer_and_die(first, nas, order[: SESSIONS // 2], chance)
                    nas.alive = {"second"}
                for session in order:
                    nas.send(session, "interim", **_grow(session, chance))
            for session in sessions:
                nas.send(session, "stop", **_grow(session, chance))
        finally:
            nas.close()
        wait_until(lambda: _open(second) == 0, "the living node has applied its own", 60)
        wait_until(lambda: bool(leads(second)), "and leads")
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
        _acted_once(second, sessions)


def _answer_and_die(node: DaemonProcess, nas: Sprayer, some: list[Session], chance: random.Random) -> None:
    for session in some:
        counters = _grow(session, chance)
        socket = nas._sockets[node.directory.name]
        packet = session.packet(socket, "interim", **counters)
        assert socket.ask(packet, accounting=True, timeout_seconds=2, tries=8) is not None
    node.kill()


def _open(node: DaemonProcess) -> int:
    return sum(1 for one in node.json("session", "list") if one["stopped_at"] is None)


def _acted_once(node: DaemonProcess, sessions: list[Session]) -> None:
    """Whoever has used up the allowance is throttled, and nobody else."""
    states = {one["username"]: one["desired"] for one in node.json("enforce", "status")}
    for session in sessions:
        is_over = session.up + session.down >= 40 * 10**9
        assert (states.get(session.name, "active") == "throttled") == is_over, session
