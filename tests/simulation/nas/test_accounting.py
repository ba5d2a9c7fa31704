"""What the simulated NAS counts and reports."""

import asyncio

import pytest

from netbilld.demo.nas.errors import SessionEndedError
from netbilld.demo.nas.simulated_nas import SimulatedNas
from netbilld.demo.nas.spec import Demand
from tests.simulation.nas.one_nas import GIB, home, one, until
from tests.simulation.radius_stub import RadiusStub, attribute, mikrotik


class TestAccounting:
    async def test_gigawords_carry_what_32_bits_do_not(self, stub: RadiusStub) -> None:
        async with SimulatedNas(one(stub), automatic=False) as nas:
            session = await nas.open("budi")
            await session.interim(5 * GIB, (1 << 40) + 3)
            with pytest.raises(ValueError, match="backwards"):
                await session.interim(5 * GIB - 1, 1 << 41)
            await session.stop()
            with pytest.raises(SessionEndedError):
                await session.interim(6 * GIB, 1 << 41)
        interim = stub.of("interim")[0]
        assert (interim.number(52), interim.number(42)) == (1, GIB)
        assert (interim.number(53), interim.number(43)) == (256, 3)
        assert stub.of("stop")[0].number(49) == 1

    async def test_reported_octets_count_only_what_was_acknowledged(self, stub: RadiusStub) -> None:
        async with SimulatedNas(one(stub), automatic=False) as nas:
            session = await nas.open("budi")
            await session.interim(100, 200)
            stub.ignore_accounting = 1_000
            async with asyncio.timeout(None) as patience:
                waiting = asyncio.ensure_future(session.interim(150, 250))
                await until(lambda: len(stub.of("interim")) > 1)
                assert not patience.expired()
            assert nas.ground_truth()["budi"] == {
                "upload_octets": 150,
                "download_octets": 250,
                "reported_upload_octets": 100,
                "reported_download_octets": 200,
                "sent_upload_octets": 150,
                "sent_download_octets": 250,
            }
            waiting.cancel()

    async def test_a_stop_overtakes_an_interim_nobody_answers(self, stub: RadiusStub) -> None:
        async with SimulatedNas(one(stub, timeout_seconds=0.02), automatic=False) as nas:
            session = await nas.open("budi")
            stub.ignore_accounting = 4
            waiting = asyncio.ensure_future(session.interim(10, 10))
            await until(lambda: stub.of("interim"))
            assert await session.stop(20, 20)
            assert await waiting is False
        assert [request.status for request in stub.accounting][-1] == "stop"

    async def test_the_interval_of_the_accept_is_kept(self, stub: RadiusStub) -> None:
        stub.users["budi"].reply = attribute(85, 1)
        async with SimulatedNas(one(stub)) as nas:
            await until(lambda: len(stub.of("interim")) >= 2)
            assert nas.sessions
        first, second = stub.of("interim")[:2]
        assert 0 <= first.number(46) <= second.number(46)
        assert second.received_mono - first.received_mono > 0.5

    async def test_the_operators_own_interval_beats_the_servers(self, stub: RadiusStub) -> None:
        stub.users["budi"].reply = attribute(85, 600)
        async with SimulatedNas(one(stub, interim_override_seconds=0.05)):
            await until(lambda: len(stub.of("interim")) >= 3)
        uploads = [request.upload_octets for request in stub.of("interim")]
        assert uploads == sorted(uploads)
        assert uploads[-1] > 0

    async def test_session_timeout_ends_the_session_and_the_modem_dials_again(self, stub: RadiusStub) -> None:
        stub.users["budi"].reply = attribute(27, 1)
        async with SimulatedNas(one(stub)):
            await until(lambda: stub.of("stop") and len(stub.of("start")) >= 2)
        assert stub.of("stop")[0].number(49) == 5
        assert stub.of("start")[1].text(44) == "81100002"

    async def test_idle_timeout_ends_a_session_without_traffic(self, stub: RadiusStub) -> None:
        stub.users["budi"].reply = attribute(28, 1)
        async with SimulatedNas(one(stub, home(demand=Demand(profile="steady")))):
            await until(lambda: stub.of("stop"))
        assert stub.of("stop")[0].number(49) == 4

    async def test_octets_accrue_at_the_lesser_of_demand_and_rate(self, stub: RadiusStub) -> None:
        stub.users["budi"].reply = mikrotik(8, "400k/80M")
        async with SimulatedNas(one(stub), automatic=False) as nas:
            session = await nas.open("budi")
            for _ in range(50):  # one second of ticks
                nas.tick()
            assert (session.upload_octets, session.download_octets) == (50_000, 1_000_000)
            assert (session.upload_bps, session.download_bps) == (400_000, 8_000_000)

    async def test_behind_the_wall_only_a_trickle_passes(self, stub: RadiusStub) -> None:
        stub.users["budi"].reply = mikrotik(19, "isolir") + mikrotik(8, "5M/20M")
        async with SimulatedNas(one(stub), automatic=False) as nas:
            session = await nas.open("budi")
            for _ in range(50):
                nas.tick()
            assert (session.upload_octets, session.download_octets) == (2_000, 8_000)

    async def test_a_clean_shut_down_stops_every_session(self, stub: RadiusStub) -> None:
        async with SimulatedNas(one(stub)) as nas:
            await until(lambda: stub.of("start"))
            assert await nas.shut_down()
            assert not nas.sessions
        assert [request.number(49) for request in stub.of("stop")] == [7]

    async def test_a_fault_of_the_simulation_itself_is_never_swallowed(self, stub: RadiusStub) -> None:
        async def fail() -> bool:
            raise RuntimeError("a fault")

        async def run() -> None:
            async with SimulatedNas(one(stub)) as nas:
                nas.spawn(fail())
                await asyncio.Event().wait()

        with pytest.raises(ExceptionGroup) as group:
            await run()
        assert group.group_contains(RuntimeError)
