"""A real daemon, a router that reports every five minutes, and an allowance that ends in between: BANG-2.2b, ask 1."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from netbilld.demo.nas.simulated_nas import SimulatedNas
from netbilld.demo.nas.spec import Demand, NasSpec, SubscriberSpec
from tests.daemon_process import SECRET, DaemonProcess
from tests.peers import free_udp_port
from tests.routeros.fake_router import FakeRouter, Line

LINE_BPS = 50_000_000
LIMIT_OCTETS = 12_000_000  # some two seconds of the line
EDGE_SECONDS = 1
PLAN = f"""
code = "KECIL"
name = "Kecil 50 Mbps"
timing = "postpaid"
charging = "flat"
[recurring]
price = 100000
period = "month"
[speed]
down = "{LINE_BPS}"
up = "5M"
[allowance]
data = "{{limit}}MB"
counts = "down"
after = "{{after}}"
"""
pytestmark = pytest.mark.slow


class Office:
    """A daemon, a simulated NAS that carries traffic, and its API showing the same sessions."""

    def __init__(self, directory: Path, after: str, router: FakeRouter, limit_octets: int = LIMIT_OCTETS) -> None:
        self.daemon = DaemonProcess(directory, NETBILLD_METERING__EDGE_SECONDS=str(EDGE_SECONDS))
        self.router = router
        self.router.lines_now = self._lines
        self.daemon.init()
        throttled = 'throttled = { down = "1M", up = "1M" }' if after == "throttle" else ""
        self.daemon.plan(PLAN.format(after=after, limit=limit_octets // 10**6) + throttled)
        self.spec = NasSpec(
            bind_address=IPv4Address("127.0.0.6"),
            secret=SECRET,
            auth_port=self.daemon.auth_port,
            acct_port=self.daemon.acct_port,
            coa_port=free_udp_port(),
            subscribers=(
                SubscriberSpec(
                    username="budi",
                    password="rahasia",
                    demand=Demand(profile="steady", upload_bps=1_000_000, download_bps=2 * LINE_BPS),
                ),
            ),
        )
        self.daemon.nas("pop1", "127.0.0.6", "--coa-port", str(self.spec.coa_port), "--api-url", router.url)
        self.daemon.cli("subscriber", "add", "budi", "--plan", "KECIL", "--password", "rahasia", "--name", "Budi")
        self.nas = SimulatedNas(self.spec, automatic=True)

    def _lines(self) -> list[Line]:
        return [
            Line(
                session.username,
                f"0x{session.session_id}",
                rx_octets=session.upload_octets,
                tx_octets=session.download_octets,
                uptime=f"{session.online_seconds}s",
            )
            for session in self.nas.sessions.values()
        ]

    async def json(self, *words: str) -> Any:
        return await asyncio.to_thread(self.daemon.json, *words)


@pytest.fixture
async def router() -> AsyncIterator[FakeRouter]:
    async with FakeRouter() as router:
        yield router


@pytest.mark.parametrize("after", ["throttle", "wall"])
async def test_an_allowance_ends_where_it_ends_although_the_router_reports_much_later(
    tmp_path: Path, after: str, router: FakeRouter
) -> None:
    office = await asyncio.to_thread(Office, tmp_path, after, router)
    with office.daemon as daemon:
        await asyncio.to_thread(daemon.start)
        async with office.nas as nas:
            await until(lambda: bool(nas.sessions), "the modem has dialled")
            session = next(iter(nas.sessions.values()))
            assert session.interim_seconds >= 60, "it reports much later than this test lasts"
            await until(
                lambda: session.ended.is_set() or session.rate_limit_text.startswith("1M/1M"),
                "the order for what follows the allowance",
                lambda: f"{session.download_octets} octets, {router.asked[-3:]} {daemon.log}",
            )
            over_octets = session.download_octets - LIMIT_OCTETS
            shown = (await office.json("subscriber", "show", "budi"))["overshoot"]
            while shown is not None and not shown["interval_observed"]:  # it is written every second
                shown = (await office.json("subscriber", "show", "budi"))["overshoot"]
            (status,) = await office.json("enforce", "status", "--username", "budi")
            metrics = await asyncio.to_thread(daemon.metrics)
            await nas.shut_down()
    # by its own reports it would be half of what passes between two of them on average
    assert 0 <= over_octets < LINE_BPS // 8 * session.interim_seconds // 2
    assert metrics['netbilld_overshoot_octets{quantile="1"}'] <= over_octets
    assert metrics['netbilld_watch_readings_total{came="read"}'] >= 1
    if after == "throttle":  # who is walled has left, and has no session to be bound
        assert shown["line_rate_bps"] == LINE_BPS
        assert shown["bound_octets"] < LINE_BPS // 8 * session.interim_seconds
        assert status["overshoot"].keys() == shown.keys()
        assert shown["interval_observed"] is True
    assert "rahasia" not in daemon.log


async def test_a_daemon_that_was_killed_near_the_edge_takes_up_the_watch_again(
    tmp_path: Path, router: FakeRouter
) -> None:
    """No report comes meanwhile: who is open is read from the database."""
    office = await asyncio.to_thread(Office, tmp_path, "throttle", router, 40_000_000)
    with office.daemon as daemon:
        await asyncio.to_thread(daemon.start)
        async with office.nas as nas:
            await until(lambda: bool(nas.sessions), "the modem has dialled")
            session = next(iter(nas.sessions.values()))
            await until(lambda: bool(router.asked), "the session is watched")
            await asyncio.to_thread(daemon.kill)
            router.asked.clear()
            await asyncio.to_thread(daemon.start)
            await until(
                lambda: session.rate_limit_text.startswith("1M/1M"),
                "the order for what follows the allowance",
                lambda: f"{session.download_octets} octets, {router.asked[-3:]} {daemon.log}",
            )
            await nas.shut_down()


async def test_without_an_api_the_session_reports_more_often_when_it_logs_in_near_the_edge(
    tmp_path: Path, router: FakeRouter
) -> None:
    office = await asyncio.to_thread(Office, tmp_path, "throttle", router)
    with office.daemon as daemon:
        await asyncio.to_thread(daemon.cli, "nas", "set", "pop1", "--api-url", "")
        await asyncio.to_thread(daemon.start)
        async with office.nas as nas:
            await until(lambda: bool(nas.sessions), "the modem has dialled")
            session = next(iter(nas.sessions.values()))
            assert session.interim_seconds == 60
            await nas.shut_down()


async def until(condition: Callable[[], bool], what: str, more: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited in vain: {what} {more()}")
        await asyncio.sleep(0.02)
