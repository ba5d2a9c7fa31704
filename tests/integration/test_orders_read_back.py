"""A real daemon and a router of its own kind: what it orders is proved by what the router shows (KAMIL-12, asks 1 and 2)."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import FLAT_PLAN, SECRET, DaemonProcess
from tests.peers import free_udp_port
from tests.routeros.fake_router import FakeRouter
from tests.routeros.order_server import Manners
from tests.routeros.radius_side import Home, RadiusSide
from tests.routeros.terminal import Terminal

pytestmark = pytest.mark.slow
HOST = "127.0.0.61"
GB = 10**9
PLAN = FLAT_PLAN.replace("300GB", "1GB")
ROUTER = """
/radius add service=ppp address=127.0.0.1 secret={secret} authentication-port={auth} accounting-port={acct}
/radius incoming set accept=yes port={coa}
/ppp aaa set use-radius=yes accounting=yes interim-update=5m
/ip pool add name=homes ranges=100.64.0.2-100.64.3.254
/ip pool add name=isolir ranges=100.65.0.2-100.65.3.254
/ppp profile set default remote-address=homes
/queue simple add name=office target=192.168.7.0/24 max-limit=5M/5M comment="hand made"
/ip firewall address-list add list=isolir address=192.168.7.9 comment="hand made"
"""


@dataclass
class Site:
    daemon: DaemonProcess
    router: FakeRouter
    side: RadiusSide

    async def status(self, username: str) -> dict[str, Any]:
        """Return what is on record; nothing of it before the daemon has looked for the first time."""
        said = await asyncio.to_thread(self.daemon.run, "enforce", "status", "--username", username, "--json")
        (line,) = json.loads(said.stdout) if said.returncode == 0 else [{"observed": None, "evidence": None}]
        found: dict[str, Any] = line
        return found

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        try:
            async with asyncio.timeout(20):
                while not await holds():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"waited in vain: {what}\n{self.daemon.log[-3000:]}")

    async def use_up(self, username: str) -> None:
        line = self.side.line(username)
        assert line is not None
        line.tx_octets = (line.tx_octets or 0) + 2 * GB
        await self.side.interim(line)


@asynccontextmanager
async def site(directory: Path, *names: str, **settings: str) -> AsyncIterator[Site]:
    """Give a daemon that serves and a router through which these subscribers have dialled in."""
    with DaemonProcess(directory, **settings) as daemon:
        await asyncio.to_thread(daemon.init)
        await asyncio.to_thread(daemon.plan, PLAN)
        coa_port = free_udp_port()
        async with FakeRouter(host=HOST) as router:
            ports = {"auth": daemon.auth_port, "acct": daemon.acct_port, "coa": coa_port, "secret": SECRET}
            Terminal(router.store).feed(ROUTER.format(**ports))
            await asyncio.to_thread(daemon.nas, "pop1", HOST, "--coa-port", str(coa_port), "--api-url", router.url)
            for name in names:
                words = ("subscriber", "add", name, "--plan", "RUMAH20", "--password", "rahasia", "--name", name)
                await asyncio.to_thread(daemon.cli, *words)
            await asyncio.to_thread(daemon.start)
            async with RadiusSide(router, HOST, automatic=True) as side:
                for number, name in enumerate(names):
                    side.add(Home(name, mac=f"02:00:00:00:00:{number:02X}", redials=(0.1, 0.2)))
                    await side.dial(name)
                yield Site(daemon, router, side)


async def test_a_throttle_is_seen_at_the_router_s_queue_and_a_lie_is_climbed_past(tmp_path: Path) -> None:
    async with site(tmp_path, "budi", "ani") as here:

        async def known() -> bool:
            return bool((await here.status("budi"))["evidence"] == "api")

        await here.until(known, "the new session was read back")
        await here.use_up("budi")

        async def throttled() -> bool:
            line = await here.status("budi")
            return (line["observed"], line["evidence"]) == ("throttled", "api")

        await here.until(throttled, "the throttle was read back")
        line = here.side.line("budi")
        assert line is not None
        assert here.side.rate_of(line) == (1_000_000, 2_000_000)
        here.side.orders.manners = Manners(obeys=False, only="coa")  # it says yes and does nothing
        before = here.side.line("ani")
        await here.use_up("ani")

        async def ended() -> bool:
            line = await here.status("ani")
            return (line["observed"], line["evidence"]) == ("throttled", "api")

        await here.until(ended, "the lie was found out")
        after = here.side.line("ani")
        assert after is not None
        assert after is not before  # it was disconnected and came back with what is due
        assert here.side.rate_of(after) == (1_000_000, 2_000_000)
        assert [asked.kind for asked in here.side.orders.of("ani")] == ["coa", "disconnect"]
        compared = await asyncio.to_thread(here.daemon.json_of, "enforce", "compare", "pop1")
        assert (compared["agrees"], compared["differences"]) == (2, [])
        newest, *_ = await asyncio.to_thread(here.daemon.json, "enforce", "history", "ani")
        steps = [step["step"] for step in newest["steps"]]
        assert (newest["access"], newest["cause"], newest["ending"]) == ("throttled", "quota", "seen")
        assert steps[:2] == ["due", "sent"]
        assert "disproved" in steps
        figures = await asyncio.to_thread(here.daemon.json, "enforce", "effects")
        assert figures["endings"] == {"seen": 2}
        assert [(one["cause"], one["seen"]["changes"]) for one in figures["by_cause"]] == [("quota", 2)]
        metrics = await asyncio.to_thread(here.daemon.metrics)
        assert metrics['netbilld_read_back_total{came="differed"}'] >= 1
        assert metrics['netbilld_effect_seconds_count{cause="quota",step="seen"}'] == 2
        assert metrics['netbilld_alerts{kind="not_done"}'] == 0
    assert "rahasia" not in here.daemon.log
    assert "Traceback" not in here.daemon.log


async def test_a_router_that_takes_no_orders_at_all_is_asked_over_its_api(tmp_path: Path) -> None:
    async with site(
        tmp_path, "budi", NETBILLD_ENFORCEMENT__COA_TRIES="1", NETBILLD_ENFORCEMENT__COA_TIMEOUT_SECONDS="0.3"
    ) as here:
        here.side.orders.manners = Manners("silent")
        before = here.side.line("budi")
        await here.use_up("budi")

        async def throttled() -> bool:
            line = await here.status("budi")
            return (line["observed"], line["evidence"]) == ("throttled", "api")

        await here.until(throttled, "the session was ended over the API and came back")
        after = here.side.line("budi")
        assert after is not None
        assert after is not before
        assert here.side.rate_of(after) == (1_000_000, 2_000_000)
        assert [words[0] for words in here.router.asked if words[0].endswith("/remove")] == ["/ppp/active/remove"]


async def test_walls_by_list_are_put_up_and_taken_down_without_cutting_anybody(tmp_path: Path) -> None:
    async with site(tmp_path, "budi", "ani") as here:
        await asyncio.to_thread(here.daemon.cli, "nas", "set", "pop1", "--wall-by", "list")
        hand_made = here.router.store.image("/queue/simple", "/ip/firewall/address-list")[1]
        session = here.side.line("budi")
        assert session is not None
        here.router.store["/ip/firewall/connection"].make(
            {"src-address": f"{session.address}:5000", "dst-address": "1.1.1.1:443", "fasttrack": "true"}, fixed=False
        )
        await asyncio.to_thread(here.daemon.cli, "subscriber", "suspend", "budi", "--reason", "nunggak")

        async def walled() -> bool:
            line = await here.status("budi")
            return (line["observed"], line["evidence"]) == ("walled", "api")

        await here.until(walled, "the wall was read back")
        assert here.side.lists_of(session) == {"isolir"}
        assert here.router.rows("/ip/firewall/connection") == []
        await asyncio.to_thread(here.daemon.cli, "subscriber", "resume", "budi")

        async def restored() -> bool:
            line = await here.status("budi")
            return (line["observed"], line["evidence"]) == ("active", "api")

        await here.until(restored, "the end of the wall was read back")
        assert here.side.line("budi") is session
        assert here.side.rate_of(session) == (10_000_000, 20_000_000)
        assert here.router.store.image("/queue/simple", "/ip/firewall/address-list")[1] == hand_made
