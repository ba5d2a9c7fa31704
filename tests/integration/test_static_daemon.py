"""A real daemon and a router: a static subscriber from the command line to the queue, and a payment back to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.daemon_process import FLAT_PLAN, DaemonProcess
from tests.routeros.fake_router import FakeRouter
from tests.routeros.store import Row

pytestmark = pytest.mark.slow


@pytest.fixture
async def router() -> AsyncIterator[FakeRouter]:
    async with FakeRouter() as made:
        yield made


def begin(daemon: DaemonProcess, router: FakeRouter) -> None:
    daemon.init()
    daemon.plan(FLAT_PLAN)
    daemon.nas("pop1", "127.0.0.6", "--api-url", router.url)
    daemon.cli("subscriber", "add", "kantor", "--plan", "RUMAH20", "--password", "rahasia", "--name", "Kantor Desa")


def queues(router: FakeRouter) -> list[Row]:
    return router.rows("/queue/simple")


async def test_a_static_subscriber_is_kept_suspended_restored_and_let_go(tmp_path: Path, router: FakeRouter) -> None:
    with DaemonProcess(tmp_path) as daemon:
        await asyncio.to_thread(begin, daemon, router)
        await asyncio.to_thread(daemon.start)

        async def cli(*words: str) -> str:
            return await asyncio.to_thread(daemon.cli, *words)

        said = await cli("static", "add", "kantor", "--nas", "pop1", "--address", "10.20.0.5")
        assert said == "kantor is held by a queue of NAS pop1: 10.20.0.5/32\n"
        await until(lambda: [row["max-limit"] for row in queues(router)] == ["10000000/20000000"], daemon)
        await cli("subscriber", "suspend", "kantor", "--reason", "minta")
        await until(lambda: [row["list"] for row in router.rows("/ip/firewall/address-list")] == ["isolir"], daemon)
        await until(lambda: [row["max-limit"] for row in queues(router)] == ["256000/256000"], daemon)
        await cli("subscriber", "resume", "kantor")
        await until(lambda: [row["max-limit"] for row in queues(router)] == ["10000000/20000000"], daemon)
        assert router.rows("/ip/firewall/address-list") == []
        (listed,) = await asyncio.to_thread(daemon.json, "static", "list")
        while not listed["agrees"]:  # what was read back is written down a moment later
            (listed,) = await asyncio.to_thread(daemon.json, "static", "list")
        assert (listed["username"], listed["nas"], listed["observed"], listed["evidence"]) == (
            "kantor",
            "pop1",
            "active",
            "api",
        )
        (status,) = await asyncio.to_thread(daemon.json, "enforce", "status")
        assert (status["observed"], status["evidence"], status["agrees"]) == ("active", "api", True)
        diff = await asyncio.to_thread(daemon.json, "static", "diff", "pop1")
        assert (diff["lines"], diff["differ"], diff["commands"]) == (1, 0, [])
        metrics = await asyncio.to_thread(daemon.metrics)
        assert metrics['netbilld_static_lines{nas="pop1"}'] == 1
        assert metrics['netbilld_static_lines_differing{nas="pop1"}'] == 0
        await cli("static", "remove", "kantor")
        await until(lambda: queues(router) == [], daemon)
        assert "rahasia" not in daemon.log


async def test_an_allowance_that_the_queue_has_counted_up_throttles_the_line(
    tmp_path: Path, router: FakeRouter
) -> None:
    with DaemonProcess(tmp_path, NETBILLD_ENFORCEMENT__STATIC_SECONDS="5") as daemon:
        await asyncio.to_thread(begin, daemon, router)
        await asyncio.to_thread(daemon.start)
        await asyncio.to_thread(daemon.cli, "static", "add", "kantor", "--nas", "pop1", "--address", "10.20.0.5")
        await until(lambda: len(queues(router)) == 1, daemon)
        (queue,) = router.store["/queue/simple"].items
        queue.values["bytes"] = "0/0"
        (meter,) = await asyncio.to_thread(daemon.json, "meter", "list")
        while meter["read_at"] is None:
            (meter,) = await asyncio.to_thread(daemon.json, "meter", "list")
        assert (meter["source"], meter["nas"]) == ("api", "pop1")
        queue.values["bytes"] = f"{10**9}/{300 * 10**9}"
        await until(lambda: [row["max-limit"] for row in queues(router)] == ["1000000/2000000"], daemon)
        usage = await asyncio.to_thread(daemon.json, "usage", "show", "kantor")
        assert usage["download_octets"] == 300 * 10**9


async def test_what_is_due_while_the_daemon_is_dead_is_done_once_when_it_is_back(
    tmp_path: Path, router: FakeRouter
) -> None:
    with DaemonProcess(tmp_path) as daemon:
        await asyncio.to_thread(begin, daemon, router)
        await asyncio.to_thread(daemon.start)
        await asyncio.to_thread(daemon.cli, "static", "add", "kantor", "--nas", "pop1", "--address", "10.20.0.5")
        await until(lambda: len(queues(router)) == 1, daemon)
        await asyncio.to_thread(daemon.kill)
        await asyncio.to_thread(daemon.cli, "subscriber", "suspend", "kantor", "--reason", "minta")
        router.asked.clear()
        await asyncio.to_thread(daemon.start)
        await until(lambda: [row["max-limit"] for row in queues(router)] == ["256000/256000"], daemon)
        writes = [said[0] for said in router.asked if not said[0].endswith("/print")]
        assert writes == ["/ip/firewall/address-list/add", "/queue/simple/set"]


def test_a_router_that_is_away_and_a_nas_with_lines_are_refused_in_one_line(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path)
    daemon.init()
    daemon.plan(FLAT_PLAN)
    daemon.nas("pop1", "127.0.0.6", "--api-url", "api://netbilld:rahasia@127.0.0.1:1")
    daemon.cli("subscriber", "add", "kantor", "--plan", "RUMAH20", "--password", "rahasia", "--name", "Kantor Desa")
    daemon.cli("static", "add", "kantor", "--nas", "pop1", "--address", "10.20.0.5")
    refused = daemon.run("static", "diff", "pop1")
    assert refused.returncode == 1
    assert refused.stderr.startswith("netbilld: NAS pop1: it can't be reached")
    assert refused.stderr.count("\n") == 1
    refused = daemon.run("nas", "remove", "pop1")
    assert refused.returncode == 1
    assert "1 lines of static subscribers" in refused.stderr


async def until(condition: Callable[[], bool], daemon: DaemonProcess) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited in vain: {daemon.log}")
        await asyncio.sleep(0.02)
