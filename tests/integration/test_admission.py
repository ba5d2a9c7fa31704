"""Sessions at once, locks and hours with a real daemon and real sockets, on SQLite and PostgreSQL."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from types import TracebackType
from typing import Any, Self, TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.tables import auth_attempts
from netbilld.adapters.secretbox import read_key_file
from netbilld.model.actor import Actor
from netbilld.model.errors import NetbilldError
from netbilld.radius.attributes import CALLING_STATION_ID, NAS_PORT_ID, REPLY_MESSAGE, SESSION_TIMEOUT
from netbilld.radius.packet import Packet, decode
from netbilld.services.manage_locks import LockChanges, ManageLocks, lock_words
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults, NewService
from tests import postgres
from tests.coa_server import CoaServer
from tests.daemon_process import FLAT_PLAN, SECRET, DaemonProcess
from tests.nas_socket import ACCEPT, REJECT, NasSocket
from tests.peers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.peer]

A, B, C = "BC:24:11:00:00:0A", "BC:24:11:00:00:0B", "BC:24:11:00:00:0C"
POLICIES = ("replace", "refuse", "allow")
STORM = [f"storm-{number}" for number in range(20)]
SOMEBODY = Actor("siti@example.org", "192.0.2.7")
T = TypeVar("T")


def plan(code: str, more: str) -> str:
    return FLAT_PLAN.replace("RUMAH20", code) + more


class Coa:
    """The NAS's CoA port, in a thread of its own."""

    def __init__(self) -> None:
        self.server = CoaServer(secret=SECRET.encode())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self.server.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self.server.__aexit__(kind, error, trace))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def ended(self, username: str) -> list[str]:
        """Return the ids of sessions that were asked to end."""
        orders = [order for order in self.server.of(username) if order.kind == "disconnect"]
        return [order.attributes[44][0].decode() for order in orders]


class Town:
    """A daemon with a plan for each policy, and what its database says."""

    def __init__(self, daemon: DaemonProcess, database_url: str, coa: Coa) -> None:
        self.daemon, self.coa = daemon, coa
        self._database_url = database_url
        self.nas = NasSocket(daemon)

    def work(self, do: Callable[[Database], Awaitable[T]]) -> T:
        """Do something with the daemon's database, from outside it as a command does."""

        async def run() -> T:
            database = Database(self._database_url)
            try:
                return await do(database)
            finally:
                await database.close()

        return asyncio.run(run())

    def plans(self, *texts: str) -> None:
        async def add(database: Database) -> None:
            manage = ManagePlans(database, "IDR")
            for text in texts:
                await manage.add(text, "plan.toml", actor=SOMEBODY, now=datetime.now(UTC))

        self.work(add)

    def subscribers(self, *people: tuple[str, str]) -> None:
        async def add(database: Database) -> None:
            box = read_key_file(self.daemon.data_dir / "secret.key")
            manage = ManageSubscribers(database, box, Defaults("IDR", "Asia/Jakarta"))
            for username, code in people:
                new = NewService(username, plan=code, password="rahasia")
                await manage.add(new, SOMEBODY, datetime.now(UTC))

        self.work(add)

    def lock(self, username: str, **wanted: Any) -> list[str]:
        async def change(database: Database) -> list[str]:
            return await ManageLocks(database).set(username, LockChanges(**wanted), SOMEBODY, datetime.now(UTC))

        return self.work(change)

    def locks(self, username: str) -> dict[str, list[str]]:
        async def read(database: Database) -> dict[str, list[str]]:
            async with database.read() as work:
                found = await work.subscribers.by_credential_name(username)
                assert found is not None
                return lock_words(await work.locks.of(found.service.id))

        return self.work(read)

    def request(self, username: str, mac: str | None = A, port: str | None = None) -> bytes:
        pairs = [] if mac is None else [(CALLING_STATION_ID, mac.encode())]
        if port is not None:
            pairs.append((NAS_PORT_ID, port.encode()))
        return self.nas.login_request(username, "rahasia", *pairs)

    def reply(self, *asked: Any) -> Packet:
        reply = self.nas.exchange(self.request(*asked))
        assert reply is not None
        return decode(reply)

    def log_in(self, *asked: Any) -> int:
        return self.reply(*asked).code

    def account(self, status: str, username: str, mac: str | None, session_id: str, **more: Any) -> None:
        ip = str(IPv4Address(0x0A000000 + int(session_id, 16) % 65_000))
        answer = self.nas.account(status, user=username, mac=mac, session_id=session_id, ip=ip, **more)
        assert answer is not None

    def sessions(self, username: str | None = None) -> set[str]:
        async def read(database: Database) -> set[str]:
            async with database.read() as work:
                return {one.acct_session_id for one in await work.sessions.list_sessions(username=username)}

        return self.work(read)

    def wait_for(self, username: str, *session_ids: str) -> None:
        """Wait until these are the user's sessions, and admission knows it: it is told right after the commit."""
        wait_until(lambda: self.sessions(username) == set(session_ids), f"{username} has the sessions {session_ids}")

    def details(self, username: str, reason: str) -> list[str]:
        """Return what the log says of attempts with that reason, newest first."""

        async def read(database: Database) -> list[str]:
            query = select(auth_attempts.c.detail).where(
                auth_attempts.c.username == username, auth_attempts.c.reason == reason
            )
            async with database.read() as work:
                return list(await work.connection.scalars(query.order_by(auth_attempts.c.id.desc())))

        return self.work(read)

    def wait_for_detail(self, username: str, reason: str) -> str:
        wait_until(lambda: bool(self.details(username, reason)), f"the log says {reason} of {username}")
        return self.details(username, reason)[0]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One for all tests of this file: each has subscribers of its own."""
    directory = tmp_path_factory.mktemp("town")
    url = None
    if request.param == "postgresql":
        cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
        url = cluster.new_database()
    with DaemonProcess(directory, url, NETBILLD_RADIUS__INTERIM_INTERVAL="60") as daemon, Coa() as coa:
        daemon.init()
        daemon.nas("pop1", "127.0.0.1", "--coa-port", str(coa.server.port))
        daemon.nas("pop2", "127.0.0.2")
        town = Town(daemon, url or sqlite_url(daemon.data_dir / "netbilld.db"), coa)
        town.plans(
            *(plan(policy.upper(), f'[sessions]\nallowed = 1\nsecond = "{policy}"\n') for policy in POLICIES),
            plan("LEARN", '[lock]\nlearn = ["mac", "nas_port"]\n'),
        )
        town.subscribers(
            *((f"user-{policy}", policy.upper()) for policy in POLICIES),
            ("learner", "LEARN"),
            ("rebooted", "REFUSE"),
            ("racer", "REFUSE"),
            *((user, "REFUSE") for user in STORM),
        )
        daemon.start()
        with town.nas:
            yield town


def test_a_second_log_in_replaces_is_refused_or_allowed_as_the_plan_says(town: Town) -> None:
    for number, policy in enumerate(POLICIES):
        user = f"user-{policy}"
        assert town.log_in(user, A) == ACCEPT
        town.account("start", user, A, f"8000000{number}")
    for number, policy in enumerate(POLICIES):
        town.wait_for(f"user-{policy}", f"8000000{number}")

    assert town.log_in("user-replace", B) == ACCEPT
    wait_until(lambda: "80000000" in town.coa.ended("user-replace"), "the old session was told to end")
    acked = 'netbilld_coa_answers_total{answer="ack"}'
    wait_until(lambda: town.daemon.metrics()[acked] >= 1, "the answer is counted")
    town.account("start", "user-replace", B, "80000010")
    town.account("stop", "user-replace", A, "80000000", cause=6, seconds=5)
    town.wait_for("user-replace", "80000010")

    refusal = town.reply("user-refuse", B)
    assert refusal.code == REJECT
    assert refusal.get(REPLY_MESSAGE) == b"Akun ini sedang dipakai di perangkat lain."
    assert town.log_in("user-refuse", A) == ACCEPT  # its own station again
    detail = town.wait_for_detail("user-refuse", "session_limit")
    assert detail.startswith("1 of 1 taken")
    assert f"of {A} on pop1" in detail

    assert town.log_in("user-allow", B) == ACCEPT
    assert town.coa.ended("user-refuse") == town.coa.ended("user-allow") == []


def test_after_a_nas_has_rebooted_its_sessions_are_no_longer_in_the_way(town: Town) -> None:
    with NasSocket(town.daemon, "127.0.0.2") as other:
        assert other.account("start", user="rebooted", mac=A, session_id="90000001", ip="10.9.0.1") is not None
        town.wait_for("rebooted", "90000001")
        wait_until(lambda: town.log_in("rebooted", B) == REJECT, "the session counts")
        assert other.account("on", user=None, mac=None, session_id="00000000", ip=None) is not None
    wait_until(lambda: town.log_in("rebooted", B) == ACCEPT, "the ghost is gone")


def test_when_the_power_comes_back_nobody_is_locked_out_by_their_own_ghost(town: Town) -> None:
    """Everybody dials again at once with no Stop and no Accounting-On: same station, limit 1, refuse."""
    macs = {user: f"BC:24:11:00:01:{number:02X}" for number, user in enumerate(STORM)}
    for number, user in enumerate(STORM):
        assert town.log_in(user, macs[user]) == ACCEPT
        town.account("start", user, macs[user], f"8100{number:04x}")
    first = {f"8100{number:04x}" for number in range(len(STORM))}
    wait_until(lambda: first <= town.sessions(), "everybody is online")
    again = [town.request(user, macs[user]) for user in STORM]
    for request in again:
        town.nas.send(request)
    assert [town.nas.ask(request) for request in again] == [ACCEPT] * len(STORM)
    for number, user in enumerate(STORM):
        town.account("start", user, macs[user], f"8200{number:04x}")
    second = {f"8200{number:04x}" for number in range(len(STORM))}
    wait_until(lambda: town.sessions() & (first | second) == second, "the old sessions gave way to the new ones")
    assert town.log_in(STORM[0], A) == REJECT


def test_locks_are_learned_shown_reset_and_set_by_list(town: Town) -> None:
    assert town.log_in("learner", A, "Ether5") == ACCEPT
    assert town.log_in("learner", B, "ether5") == REJECT
    learned = {"mac": [f"{A} (learned)"], "nas_port": ["ether5 (learned)"]}
    wait_until(lambda: town.locks("learner") == learned, "the lesson is written")
    assert town.wait_for_detail("learner", "mac_lock") == f"locked to MAC address {A}; came from {B}"

    assert town.lock("learner", forget=True) == ["mac", "nas_port"]  # the modem is swapped
    wait_until(lambda: town.log_in("learner", B, "ether5") == ACCEPT, "the reset is in force")
    assert town.log_in("learner", A, "ether5") == REJECT

    town.daemon.cli("subscriber", "set", "learner", "--lock-mac", A.lower(), "--lock-nas", "pop2")
    wait_until(lambda: town.log_in("learner", B, "ether5") == REJECT, "the lists are in force")
    assert town.wait_for_detail("learner", "nas_not_allowed") == "locked to NAS pop2; came from pop1"
    with NasSocket(town.daemon, "127.0.0.2") as other:
        pairs = ((CALLING_STATION_ID, A.encode()), (NAS_PORT_ID, b"ether5"))
        assert other.ask(other.login_request("learner", "rahasia", *pairs)) == ACCEPT
    shown = town.daemon.json("subscriber", "show", "learner")["locks"]
    assert (shown["mac"], shown["nas"]) == ([A], ["pop2"])
    town.daemon.cli("subscriber", "set", "learner", "--unlock")
    assert town.locks("learner") == {}
    wait_until(lambda: town.log_in("learner", C, "ether9") == ACCEPT, "nothing is locked")


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"mac": ["modem"]}, "modem"),
        ({"vlan": ["5000"]}, "is not a VLAN"),
        ({"nas": ["pop9"]}, "no NAS is named 'pop9'"),
    ],
)
def test_a_lock_that_is_none_is_refused(town: Town, wanted: dict[str, list[str]], says: str) -> None:
    with pytest.raises(NetbilldError, match=says):
        town.lock("user-allow", **wanted)
    assert town.locks("user-allow") == {}


def test_hours_let_in_until_they_end_and_refuse_outside(town: Town) -> None:
    now = datetime.now(UTC).astimezone(ZoneInfo("Asia/Jakarta"))
    yesterday = f"{(now - timedelta(days=1)):%a}".lower()
    today = f"{now:%a},{now + timedelta(days=1):%a}".lower()
    town.plans(
        plan("CLOSED", f'[hours]\nallowed = ["{yesterday} 08:00-17:00"]\n'),
        plan("OPEN", f'[hours]\nallowed = ["{today} 00:00-24:00"]\n'),
    )
    town.subscribers(("opened", "OPEN"), ("closed", "CLOSED"))
    wait_until(lambda: town.log_in("opened", A) == ACCEPT, "the subscriber is known")
    timeout = int.from_bytes(town.reply("opened", A).get(SESSION_TIMEOUT) or b"", "big")
    assert 86_000 < timeout <= 2 * 86_400

    def is_refused() -> bool:  # it became known a moment after the other
        return town.log_in("closed", A) == REJECT and bool(town.details("closed", "outside_hours"))

    wait_until(is_refused, "the log says outside_hours")
    detail = town.details("closed", "outside_hours")[0]
    assert detail.startswith(f"open {yesterday} 08:00-17:00; came ")


def test_a_limit_is_exact_at_once_and_over_a_restart(town: Town) -> None:
    requests = [town.request("racer", mac) for mac in (A, B, C)]
    for request in requests:
        town.nas.send(request)
    answers = [town.nas.ask(request) for request in requests]
    assert sorted(answer or 0 for answer in answers) == [ACCEPT, REJECT, REJECT]
    winner = (A, B, C)[answers.index(ACCEPT)]
    loser = next(mac for mac in (A, B, C) if mac != winner)
    town.account("start", "racer", winner, "80000001")
    town.wait_for("racer", "80000001")
    town.daemon.kill()
    town.daemon.start()
    assert town.log_in("racer", loser) == REJECT
    assert town.log_in("racer", winner) == ACCEPT
