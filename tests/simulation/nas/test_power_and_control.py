"""The simulated NAS without power, under the control of a test, and as a process of its own."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from netbilld.demo.nas.control import ControlServer
from netbilld.demo.nas.control_client import ControlClient
from netbilld.demo.nas.errors import DialError
from netbilld.demo.nas.simulated_nas import SimulatedNas
from netbilld.demo.nas.spec import NasSpec, dump_spec
from netbilld.model.errors import RefusedError
from tests.simulation.nas.one_nas import ACK_OF, home, one, until
from tests.simulation.radius_stub import OrderPort, RadiusStub, User, attribute, mikrotik, order


class TestPower:
    async def test_when_the_customers_go_dark_the_router_reports_every_octet(self, stub: RadiusStub) -> None:
        names = [f"rumah{number}" for number in range(20)]
        stub.users = {name: User() for name in names}
        async with SimulatedNas(one(stub, *map(home, names))) as nas:
            await until(lambda: len(stub.of("start")) == 20 and all(s.upload_octets for s in nas.sessions.values()))
            await nas.power_cut(0.3)
            await until(lambda: len(nas.sessions) == 20 and len(stub.of("stop")) == 20)
            assert nas.boot_digit == 1
            ended = {request.text(44) for request in stub.of("stop")}
            assert {request.number(49) for request in stub.of("stop")} == {2}
            known = {request.text(1): request.upload_octets for request in stub.of("stop")}
            for username, truth in nas.ground_truth().items():
                live = nas.session_of(username)
                assert live is not None
                assert live.session_id not in ended
                assert truth["upload_octets"] - live.upload_octets == known[username]
            assert {request.text(44) for request in stub.of("interim")} == ended  # the last gasp

    async def test_when_the_router_dies_no_stop_comes_and_the_boot_digit_moves_on(
        self, stub: RadiusStub, orders: OrderPort
    ) -> None:
        async with SimulatedNas(one(stub, interim_override_seconds=0.05, boot_digit=15)) as nas:
            await until(lambda: nas.ground_truth()["budi"]["reported_download_octets"])
            cut = asyncio.ensure_future(nas.power_cut(0.4, "nas"))
            await until(lambda: not nas.power.is_set())
            assert not nas.sessions
            with pytest.raises(DialError, match="no power"):
                await nas.open("budi")
            with pytest.raises(RefusedError, match="off already"):
                await nas.power_cut(1)
            before, heard = nas.ground_truth()["budi"], len(stub.accounting)
            orders.send(order("disconnect", attribute(1, "budi")), nas.coa_port)
            await cut
            assert orders.answers.empty()
            assert before["download_octets"] >= before["reported_download_octets"]
            await until(lambda: len(stub.of("start")) == 2)
            assert stub.accounting[heard:][0].status == "start"
            orders.send(order("coa", attribute(1, "budi")), nas.coa_port)
            assert (await orders.answer()).datagram[0] == ACK_OF["coa"]
        assert not stub.of("stop")
        assert [request.text(44) for request in stub.of("start")] == ["81f00001", "81000001"]

    async def test_a_router_with_a_last_gasp_reports_all_before_it_dies(self, stub: RadiusStub) -> None:
        async with SimulatedNas(one(stub)) as nas:
            await until(lambda: nas.ground_truth()["budi"]["upload_octets"])
            cut = asyncio.ensure_future(nas.power_cut(0.2, "nas", last_gasp=True))
            await until(lambda: not nas.sessions)
            truth = nas.ground_truth()["budi"]
            await cut
        assert truth["upload_octets"] == truth["reported_upload_octets"] == stub.of("interim")[0].upload_octets
        assert not stub.of("stop")

    async def test_a_router_that_says_so_sends_accounting_on(self, stub: RadiusStub) -> None:
        async with SimulatedNas(one(stub, accounting_on=True), automatic=False):
            await until(lambda: stub.of("on"))
        assert stub.of("on")[0].text(32) == "MikroTik"


class TestControl:
    @pytest.fixture
    async def control(self, stub: RadiusStub, tmp_path: Path) -> AsyncIterator[tuple[SimulatedNas, ControlClient]]:
        async with SimulatedNas(one(stub)) as nas:
            server = ControlServer(nas, tmp_path / "nas.sock")
            await server.open()
            async with ControlClient.open(tmp_path / "nas.sock") as client:
                yield nas, client
            await server.close()

    async def test_the_socket_is_this_users_alone(
        self, control: tuple[SimulatedNas, ControlClient], tmp_path: Path
    ) -> None:
        assert control
        assert (tmp_path / "nas.sock").stat().st_mode & 0o077 == 0

    async def test_status_demand_redial_and_power(
        self, stub: RadiusStub, control: tuple[SimulatedNas, ControlClient]
    ) -> None:
        nas, client = control
        await until(lambda: nas.sessions and next(iter(nas.sessions.values())).download_bps == 8_000_000)
        (shown,) = (await client.ask("status"))["subscribers"]
        assert shown["download_bps"] == 8_000_000
        assert await client.ask("demand", username="budi", demand={"profile": "steady", "download_bps": 4_000_000})
        await until(lambda: next(iter(nas.sessions.values())).download_bps == 4_000_000)
        assert await client.ask("redial", username="budi")
        await until(lambda: len(stub.of("start")) == 2)
        assert await client.ask("power_cut", outage_seconds=0.2)
        await until(lambda: len(stub.of("start")) == 3)
        assert set(await client.ask("ground_truth")) == {"budi"}
        assert (await client.ask("misbehave", silent_orders=3))["silent_orders"] == 3
        assert await client.ask("orders", since=0) == []

    async def test_orders_are_shown_as_json(
        self, control: tuple[SimulatedNas, ControlClient], orders: OrderPort
    ) -> None:
        nas, client = control
        await until(lambda: nas.sessions)
        orders.send(order("coa", attribute(1, "budi") + mikrotik(8, "1M/2M")), nas.coa_port)
        await orders.answer()
        (shown,) = await client.ask("orders")
        assert (shown["kind"], shown["rate_limit"], shown["outcome"]) == ("coa", "1M/2M", "ack")

    @pytest.mark.parametrize(
        ("command", "arguments"),
        [
            ("fly", {}),
            ("redial", {"username": "nobody"}),
            ("redial", {}),
            ("demand", {"username": "budi", "demand": {"profile": "torrent"}}),
            ("misbehave", {"silent_orders": "many"}),
            ("power_cut", {"outage_seconds": -1}),
            ("power_cut", {"outage_seconds": 1, "mode": "moon"}),
            ("orders", {"since": -1}),
            ("browse", {"username": "budi", "url": "http://127.0.0.1:1/", "headers": 3}),
        ],
    )
    async def test_a_wrong_command_is_refused_in_one_line(
        self, control: tuple[SimulatedNas, ControlClient], command: str, arguments: dict[str, Any]
    ) -> None:
        with pytest.raises(RefusedError) as refusal:
            await control[1].ask(command, **arguments)
        assert "\n" not in str(refusal.value)

    async def test_a_phone_behind_the_session_comes_from_its_address(
        self, control: tuple[SimulatedNas, ControlClient]
    ) -> None:
        nas, client = control
        callers: list[str] = []

        async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            callers.append(writer.get_extra_info("peername")[0])
            asked = await reader.readuntil(b"\r\n\r\n")
            assert b"Host: captive.apple.com" in asked
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /isolir\r\nContent-Length: 2\r\n\r\nhi")
            await writer.drain()
            writer.close()

        web = await asyncio.start_server(page, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{web.sockets[0].getsockname()[1]}/hotspot-detect.html"
        await until(lambda: nas.sessions)
        got = await client.ask("browse", username="budi", url=url, headers={"Host": "captive.apple.com"})
        web.close()
        assert (got["status"], got["headers"]["Location"], got["body"]) == (302, "/isolir", "hi")
        assert callers == [str(next(iter(nas.sessions.values())).address)]


@pytest.mark.slow
class TestProcess:
    async def start(self, spec: NasSpec, folder: Path, *more: str) -> asyncio.subprocess.Process:
        (folder / "nas.json").write_bytes(dump_spec(spec))
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "netbilld.demo.nas", "--spec", str(folder / "nas.json")),
            *("--control", str(folder / "nas.sock"), *more),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    @pytest.mark.parametrize("how", ["quit", "signal", "stdin"])
    async def test_it_runs_apart_and_leaves_with_a_stop_for_everybody(
        self, stub: RadiusStub, tmp_path: Path, how: str
    ) -> None:
        process = await self.start(one(stub), tmp_path, "--exit-with-stdin")
        assert process.stdout is not None
        assert process.stdin is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
        assert ready["ready"] is True
        assert ready["coa_port"] > 0
        await until(lambda: stub.of("start"))
        if how == "quit":
            async with ControlClient.open(tmp_path / "nas.sock") as client:
                await client.ask("quit")
        elif how == "signal":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 10) == 0
        assert stub.of("stop")
        assert not (tmp_path / "nas.sock").exists()
        assert process.stderr is not None
        assert await process.stderr.read() == b""

    async def test_a_wrong_spec_or_a_busy_port_is_one_line(self, stub: RadiusStub, tmp_path: Path) -> None:
        async with SimulatedNas(one(stub), automatic=False) as nas:
            for spec in (one(stub, coa_port=nas.coa_port), one(stub, coa_port=0, pools={"default": ("x",)})):
                process = await self.start(spec, tmp_path)
                _, error = await asyncio.wait_for(process.communicate(), 20)
                assert process.returncode == 1
                assert error.count(b"\n") == 1
