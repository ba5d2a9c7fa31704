"""A thousand sessions over a bad network and a daemon that is killed twice: every octet is there, once."""

import asyncio
import csv
import random
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from netbilld.demo.nas.errors import DialError
from netbilld.demo.nas.simulated_nas import SimulatedNas
from netbilld.demo.nas.spec import NasSpec, SubscriberSpec
from tests.daemon_process import SECRET, DaemonProcess
from tests.peers import free_udp_port

pytestmark = [pytest.mark.slow]

SESSIONS = 1_000
AT_ONCE = 200
GIB4 = 2**32


def _subscribers() -> tuple[SubscriberSpec, ...]:
    return tuple(
        SubscriberSpec(
            username=f"home{number:04d}",
            password=f"pw{number:04d}",
            method="pap" if number % 2 else "chap",
            mac=f"02:00:00:00:{number >> 8:02X}:{number & 255:02X}",
        )
        for number in range(SESSIONS)
    )


def _import_all(daemon: DaemonProcess, subscribers: tuple[SubscriberSpec, ...]) -> None:
    path = daemon.directory / "subscribers.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["username", "password", "plan", "name"])
        writer.writerows([one.username, one.password, "RUMAH20", one.username] for one in subscribers)
    daemon.cli("import", "subscribers", str(path))


async def _one_session(
    nas: SimulatedNas, username: str, chance: random.Random, gate: asyncio.Semaphore
) -> tuple[int, int]:
    """Live through Start, three Interims and a Stop with volumes above 4 GiB; return what was truly moved."""
    async with gate:
        while True:
            try:
                session = await nas.open(username)
                break
            except DialError:
                continue  # the daemon is down or all three tries were lost: a modem dials again
        upload = download = 0
        for _ in range(3):
            upload += chance.randrange(2 * GIB4)
            download += chance.randrange(3 * GIB4)
            await session.interim(upload, download)
        upload += GIB4 + chance.randrange(10**9)
        download += GIB4 + chance.randrange(10**9)
        await session.stop(upload, download)
    return upload, download


async def test_totals_are_exact_after_doubled_packets_lost_replies_and_two_kills(
    tmp_path: Path, migrated_url: str
) -> None:
    """INCA-1; field asks 4 and 5."""
    subscribers = _subscribers()
    with DaemonProcess(tmp_path, migrated_url) as daemon:
        daemon.init()
        daemon.plan()
        daemon.nas("pop1", "127.0.0.3")
        await asyncio.to_thread(_import_all, daemon, subscribers)
        daemon.start()
        spec = NasSpec(
            bind_address=IPv4Address("127.0.0.3"),
            secret=SECRET,
            auth_port=daemon.auth_port,
            acct_port=daemon.acct_port,
            coa_port=free_udp_port(),
            timeout_seconds=0.3,
            subscribers=subscribers,
        )
        async with SimulatedNas(spec, automatic=False) as nas:
            nas.misbehaviour.duplicate_requests_percent = 10
            nas.misbehaviour.drop_replies_percent = 10
            gate = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as running:
                tasks = [
                    running.create_task(_one_session(nas, one.username, random.Random(one.username), gate))
                    for one in subscribers
                ]
                for share in (0.3, 0.6):
                    while sum(task.done() for task in tasks) < SESSIONS * share:
                        await asyncio.sleep(0.02)
                    daemon.kill()
                    await asyncio.to_thread(daemon.start)
            truth = {one.username: task.result() for one, task in zip(subscribers, tasks, strict=True)}

        deadline = asyncio.get_running_loop().time() + 60
        metered: dict[str, tuple[int, int]] = {}
        while asyncio.get_running_loop().time() < deadline:
            sessions = await asyncio.to_thread(daemon.json, "session", "list", "--all")
            if all(session["stopped_at"] for session in sessions) and len(sessions) >= SESSIONS:
                break
            await asyncio.sleep(0.1)
        for session in sessions:
            upload, download = metered.get(session["username"], (0, 0))
            metered[session["username"]] = (upload + session["input_octets"], download + session["output_octets"])
        assert metered == truth

        for username in ("home0000", "home0500", "home0999"):
            usage = await asyncio.to_thread(daemon.json, "usage", "show", username)
            assert (usage["upload_octets"], usage["download_octets"]) == truth[username]
        assert daemon.terminate() == 0
