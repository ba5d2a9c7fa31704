"""How the simulated NAS logs subscribers in: it must be trusted before anything is proven with it."""

import asyncio
from collections import Counter
from ipaddress import IPv4Address

import pytest

from netbilld.demo.nas.errors import DialError, LoginRefusedError, NoAnswerError
from netbilld.demo.nas.simulated_nas import SimulatedNas
from tests.simulation.nas.one_nas import GIB, home, one
from tests.simulation.radius_stub import RadiusStub, User, attribute, mikrotik


class TestLogIn:
    @pytest.mark.parametrize("method", ["pap", "chap"])
    @pytest.mark.parametrize("service", ["pppoe", "hotspot"])
    async def test_the_right_password_opens_a_session(self, stub: RadiusStub, method: str, service: str) -> None:
        async with SimulatedNas(one(stub, home(method=method, service=service)), automatic=False) as nas:
            session = await nas.open("budi")
        assert session.session_id == ("81" if service == "pppoe" else "80") + "100001"
        assert stub.access[0].text(44) == stub.of("start")[0].text(44) == session.session_id
        assert IPv4Address(stub.of("start")[0].all(8)[0]) == session.address

    async def test_a_mac_is_its_own_name(self, stub: RadiusStub) -> None:
        mac = "02:00:00:00:00:0A"
        stub.users[mac] = User(password="")
        device = home(mac, password="", method="mac", service="hotspot", mac=mac)
        async with SimulatedNas(one(stub, device), automatic=False) as nas:
            await nas.open(mac)
        assert stub.access[0].text(1) == stub.access[0].text(31) == mac

    async def test_a_wrong_password_is_refused_with_the_servers_words(self, stub: RadiusStub) -> None:
        async with SimulatedNas(one(stub, home(password="salah")), automatic=False) as nas:
            with pytest.raises(LoginRefusedError, match="Access denied"):
                await nas.open("budi")
            assert nas.stats.rejects == 1
        assert not stub.accounting

    async def test_what_the_accept_says_is_obeyed(self, stub: RadiusStub) -> None:
        stub.users["budi"].reply = (
            attribute(88, "isolir")
            + mikrotik(8, "1M/4M")
            + mikrotik(19, "isolir")
            + attribute(85, 600)
            + attribute(25, b"\x00class")
            + attribute(25, b"second")
        )
        async with SimulatedNas(one(stub), automatic=False) as nas:
            session = await nas.open("budi")
            assert session.address == IPv4Address("127.65.0.1")
            assert (session.rate_limit_text, session.address_lists, session.walled) == ("1M/4M", ("isolir",), True)
            assert session.interim_seconds == 600
        assert stub.of("start")[0].all(25) == [b"\x00class", b"second"]

    async def test_framed_ip_address_beats_framed_pool(self, stub: RadiusStub) -> None:
        stub.users["budi"].reply = attribute(88, "isolir") + attribute(8, bytes([127, 64, 9, 9]))
        async with SimulatedNas(one(stub), automatic=False) as nas:
            assert (await nas.open("budi")).address == IPv4Address("127.64.9.9")

    @pytest.mark.parametrize("reply", [attribute(88, "nowhere"), mikrotik(8, "5G/20G")], ids=["pool", "rate"])
    async def test_what_the_router_cannot_do_ends_the_attempt_without_a_start(
        self, stub: RadiusStub, reply: bytes
    ) -> None:
        stub.users["budi"].reply = reply
        async with SimulatedNas(one(stub), automatic=False) as nas:
            with pytest.raises(DialError):
                await nas.open("budi")
            assert not nas.sessions
        assert not stub.accounting


class TestTransport:
    async def test_a_retransmission_has_the_same_bytes_and_source_port(self, stub: RadiusStub) -> None:
        stub.ignore_access, stub.ignore_accounting = 2, 1
        async with SimulatedNas(one(stub), automatic=False) as nas:
            await nas.open("budi")
            assert nas.stats.resends == 3
        assert len({(request.datagram, request.source) for request in stub.access}) == 1
        assert len(stub.access) == 3
        assert len({(request.datagram, request.source) for request in stub.accounting}) == 1

    async def test_three_transmissions_are_all_an_access_request_gets(self, stub: RadiusStub) -> None:
        stub.ignore_access = 100
        async with SimulatedNas(one(stub), automatic=False) as nas:
            with pytest.raises(NoAnswerError):
                await nas.open("budi")
        assert len(stub.access) == 3

    async def test_accounting_is_tried_for_ever_with_a_new_packet_each_round(self, stub: RadiusStub) -> None:
        """RFC 2866 section 5.2: a changed Acct-Delay-Time needs a new identifier."""
        stub.ignore_accounting = 8
        async with SimulatedNas(one(stub, timeout_seconds=0.1), automatic=False) as nas:
            await nas.open("budi")
        identifiers = Counter(request.datagram[1] for request in stub.accounting)
        assert list(identifiers.values()) == [3, 3, 3]
        assert len({request.number(55) for request in stub.accounting}) == 1
        assert stub.accounting[-1].number(41) >= stub.accounting[0].number(41)

    async def test_authentication_and_accounting_leave_by_different_ports_with_one_counter(
        self, stub: RadiusStub
    ) -> None:
        async with SimulatedNas(one(stub), automatic=False) as nas:
            await nas.open("budi")
        access, start = stub.access[0], stub.accounting[0]
        assert access.source[0] == start.source[0] == "127.0.0.77"
        assert access.source[1] != start.source[1]
        assert (start.datagram[1] - access.datagram[1]) % 256 == 1

    async def test_more_than_256_requests_in_flight_take_more_source_ports(self, stub: RadiusStub) -> None:
        names = [f"u{number}" for number in range(600)]
        stub.users = {name: User() for name in names}
        stub.hold_access = 600  # so that all are in flight at once
        async with SimulatedNas(one(stub, *map(home, names), timeout_seconds=30), automatic=False) as nas:
            await asyncio.gather(*(nas.open(name) for name in names))
            assert len(nas.sessions) == 600
            assert len({session.address for session in nas.sessions.values()}) == 600
        assert len({request.source for request in stub.access}) >= 3

    @pytest.mark.parametrize("fault", [{"sign_replies": False}, {"wrong_replies": True}], ids=["bare", "forged"])
    async def test_a_reply_that_is_not_proven_is_dropped(self, stub: RadiusStub, fault: dict[str, bool]) -> None:
        """RouterOS from 7.15 on wants Message-Authenticator in every Access reply."""
        for name, value in fault.items():
            setattr(stub, name, value)
        async with SimulatedNas(one(stub), automatic=False) as nas:
            with pytest.raises(NoAnswerError):
                await nas.open("budi")
            assert nas.stats.bad_replies == 3
            assert not nas.sessions

    async def test_an_older_router_takes_a_bare_reply(self, stub: RadiusStub) -> None:
        stub.sign_replies = False
        async with SimulatedNas(one(stub, require_message_authenticator=False), automatic=False) as nas:
            await nas.open("budi")
            assert nas.stats.bad_replies == 0
            assert len(stub.of("start")) == 1

    async def test_lost_replies_and_doubled_requests_change_no_total(self, stub: RadiusStub) -> None:
        async with SimulatedNas(one(stub, timeout_seconds=0.02), automatic=False) as nas:
            nas.misbehaviour.update({"drop_replies_percent": 30, "duplicate_requests_percent": 30})
            session = await nas.open("budi")
            for step in range(1, 30):
                assert await session.interim(step * GIB, 7 * step * GIB)
            assert await session.stop(30 * GIB + 1, 210 * GIB + 2)
            truth = nas.ground_truth()["budi"]
        assert truth["upload_octets"] == truth["reported_upload_octets"] == 30 * GIB + 1
        assert truth["download_octets"] == truth["reported_download_octets"] == 210 * GIB + 2
        final = stub.of("stop")[-1]
        assert (final.upload_octets, final.download_octets) == (30 * GIB + 1, 210 * GIB + 2)
        assert len(stub.accounting) > len({request.datagram for request in stub.accounting})
