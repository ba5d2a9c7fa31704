"""The benchmark of a power cut's storm sees what goes wrong: a figure that can't be missed would say nothing."""

import asyncio
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from benchmarks.run import build_client
from benchmarks.storm import stored, storm_bars
from netbilld.adapters.database.engine import Database
from netbilld.radius.attributes import FRAMED_IP_ADDRESS, USER_NAME
from netbilld.radius.authenticator import Secret
from netbilld.radius.clients import Client
from netbilld.radius.codes import Code
from netbilld.radius.packet import encode_attribute
from netbilld.radius.server import RadiusServer, Request
from tests.address_world import World, pool
from tests.radius_requests import NAS_ID

SECRET = "a-benchmark-secret"
WELL: dict[str, Any] = {
    "in": 100, "seconds": 1.0, "failed": 0, "login_max_ms": 400.0, "bad": 0, "addresses_doubled": 0,
    "applied_seconds": 3.0, "sessions": 100, "other_sessions": 0, "doubled_services": 0, "doubled_addresses": 0,
    "strange_addresses": 0, "troubles": {"netbilld_metering_parked_total": 0},
}  # fmt: skip


def _missed(**wrong: Any) -> list[str]:
    return [bar.name for bar in storm_bars("pap", [WELL, {**WELL, **wrong}], 100) if not bar.met]


@pytest.mark.parametrize(
    ("wrong", "missed"),
    [
        ({}, None),
        ({"in": 99, "sessions": 99}, "subscribers not in"),
        ({"failed": 1}, "third retry failed"),
        ({"login_max_ms": 1000.5}, "the slowest log-in"),
        ({"bad": 1}, "answers that are wrong"),
        ({"doubled_services": 1}, "doubled"),
        ({"doubled_addresses": 1}, "doubled"),
        ({"strange_addresses": 1}, "doubled"),
        ({"addresses_doubled": 1}, "doubled"),
        ({"applied_seconds": None}, "the journal is applied"),
        ({"sessions": 101}, "differ from those in"),
        ({"other_sessions": 1}, "differ from those in"),
        ({"troubles": {"netbilld_metering_parked_total": 1}}, "refused or parked"),
    ],
)
def test_each_bar_is_missed_by_what_it_is_about(wrong: dict[str, Any], missed: str | None) -> None:
    found = _missed(**wrong)
    assert len(found) == (missed is not None)
    assert missed is None or missed in found[0]


async def _seed(url: str) -> None:
    """Four open sessions: two of one service, two on one address; of the pool's addresses nobody has one."""
    database = Database(url)
    try:
        world = World(database)
        await world.fill(3, pool("home", "10.64.0.0/24"))
        rows = (
            (0, "81000000", "10.64.0.1"),
            (0, "81000001", "10.64.0.2"),
            (1, "81000002", "10.64.0.2"),
            (2, "71000003", "10.64.0.4"),
        )
        for service, session, address in rows:
            await world.session(world.service_ids[service], address, acct_session_id=session, acct_session_key=session)
    finally:
        await database.close()


@pytest.mark.parametrize("migrated_url", [pytest.param("postgresql", marks=pytest.mark.peer)], indirect=True)
def test_what_the_database_has_twice_is_counted(migrated_url: str) -> None:
    asyncio.run(_seed(migrated_url))
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(migrated_url.replace("+asyncpg", "")))
        field: Any = SimpleNamespace(netbilld=SimpleNamespace(runner=runner, connection=connection))
        found = stored(field, 8, pooled=True)
        runner.run(connection.close())
    assert (found.sessions, found.other_sessions) == (3, 1)
    assert (found.doubled_services, found.doubled_addresses) == (1, 1)
    assert found.strange_addresses == 4


@contextmanager
def _answering(given: list[bytes]) -> Iterator[tuple[int, int]]:
    """Two ports that accept everybody, with the addresses given in turn; a log-in without one is rejected."""
    ends = threading.Event()
    clients = (Client(NAS_ID, "nas0", ip_network("127.0.0.0/8"), Secret(SECRET.encode()), "mikrotik", "auto", False),)
    sockets = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(2)]

    def serve(sock: socket.socket, radius: RadiusServer) -> None:
        sock.settimeout(0.1)
        while not ends.is_set():
            try:
                datagram, source = sock.recvfrom(4096)
            except TimeoutError:
                continue
            request = radius.receive(datagram, source, 0.0)
            assert isinstance(request, Request)
            if radius.kind == "acct":
                sock.sendto(radius.respond(request, Code.ACCOUNTING_RESPONSE), source)
                continue
            number = int(request.packet.attributes[USER_NAME].removeprefix(b"user"))
            code = Code.ACCESS_ACCEPT if given[number] else Code.ACCESS_REJECT
            said = encode_attribute(FRAMED_IP_ADDRESS, given[number]) if given[number] else b""
            sock.sendto(radius.respond(request, code, said), source)

    threads = [
        threading.Thread(target=serve, args=(sock, radius))
        for sock, radius in zip(sockets, (RadiusServer(clients, "auth"), RadiusServer(clients, "acct")), strict=True)
    ]
    for sock, thread in zip(sockets, threads, strict=True):
        sock.bind(("127.0.0.1", 0))
        thread.start()
    yield sockets[0].getsockname()[1], sockets[1].getsockname()[1]
    ends.set()
    for sock, thread in zip(sockets, threads, strict=True):
        thread.join()
        sock.close()


def test_the_client_counts_who_is_in_and_what_address_was_given_twice() -> None:
    addresses = [bytes((10, 64, 0, number)) for number in range(1, 5)]
    with _answering([*addresses, addresses[1], b""]) as (auth_port, acct_port):
        command = [str(build_client("storm")), "-m", "pap", "-k", SECRET, "-u", "6", "-s", "2"]
        finished = subprocess.run(
            [*command, "-p", str(auth_port), "-c", str(acct_port)], capture_output=True, text=True, check=True
        )
    found = json.loads(finished.stdout)
    assert (found["logged_in"], found["in"], found["rejected"]) == (5, 5, 1)
    assert (found["addresses_given"], found["addresses_doubled"]) == (5, 1)
    assert (found["bad"], found["failed"]) == (0, 0)
