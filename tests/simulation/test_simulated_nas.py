"""The simulated NAS against a stub server: it must be trusted before anything is proven with it."""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from netbilld.demo.nas.control import ControlServer
from netbilld.demo.nas.control_client import ControlClient
from netbilld.demo.nas.errors import DialError, LoginRefusedError, NoAnswerError, SessionEndedError
from netbilld.demo.nas.simulated_nas import SimulatedNas
from netbilld.demo.nas.spec import Demand, NasSpec, SubscriberSpec, dump_spec
from netbilld.model.errors import RefusedError
from tests.simulation.radius_stub import OrderPort, RadiusStub, User, answer_is_sound, attribute, mikrotik, order

GIB = 1 << 30
STEADY = Demand(profile="steady", upload_bps=800_000, download_bps=8_000_000)
NAK_OF = {"coa": 45, "disconnect": 42}
ACK_OF = {"coa": 44, "disconnect": 41}


def home(username: str = "budi", **changes: Any) -> SubscriberSpec:
    values: dict[str, Any] = {
        "username": username,
        "password": "rahasia",
        "demand": STEADY,
        "redial_seconds": (0, 0.05),
    }
    return SubscriberSpec(**(values | changes))


def one(stub: RadiusStub, *homes: SubscriberSpec, **changes: Any) -> NasSpec:
    return stub.spec(subscribers=homes or (home(),), **changes)


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def stub() -> AsyncIterator[RadiusStub]:
    async with RadiusStub(users={"budi": User()}) as server:
        yield server


@pytest.fixture
async def orders() -> AsyncIterator[OrderPort]:
    port = await OrderPort.open()
    yield port
    port.transport.close()


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
        stub.ignore_access = 600  # so that all are in flight at once
        async with SimulatedNas(one(stub, *map(home, names), timeout_seconds=4), automatic=False) as nas:
            await asyncio.gather(*(nas.open(name) for name in names))
            assert len(nas.sessions) == 600
            assert len({session.address for session in nas.sessions.values()}) == 600
        assert len({request.source for request in stub.access}) >= 3

    @pytest.mark.parametrize(
        ("fault", "accepted"),
        [({"sign_replies": False}, False), ({"wrong_replies": True}, False)],
        ids=["bare", "forged"],
    )
    async def test_a_reply_that_is_not_proven_is_dropped(
        self, stub: RadiusStub, fault: dict[str, bool], accepted: bool
    ) -> None:
        """RouterOS from 7.15 on wants Message-Authenticator in every Access reply."""
        for name, value in fault.items():
            setattr(stub, name, value)
        async with SimulatedNas(one(stub), automatic=False) as nas:
            with pytest.raises(NoAnswerError):
                await nas.open("budi")
            assert nas.stats.bad_replies == 3
            assert bool(nas.sessions) is accepted

    async def test_an_older_router_takes_a_bare_reply(self, stub: RadiusStub) -> None:
        stub.sign_replies = False
        async with SimulatedNas(one(stub, require_message_authenticator=False), automatic=False) as nas:
            await nas.open("budi")

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
        assert (first.number(46), second.number(46)) in {(1, 2), (1, 1), (0, 1), (0, 2)}
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


class TestOrders:
    async def test_a_coa_changes_the_rate_and_its_ack_names_the_router(
        self, stub: RadiusStub, orders: OrderPort
    ) -> None:
        stub.users["budi"].reply = mikrotik(8, "5M/20M")
        async with SimulatedNas(one(stub), automatic=False) as nas:
            session = await nas.open("budi")
            request = order(
                "coa",
                attribute(1, "budi")
                + attribute(44, session.session_id)
                + attribute(8, session.address.packed)
                + mikrotik(8, "256k/1M"),
                signed=True,
            )
            orders.send(request, nas.coa_port)
            answer = await orders.answer()
            assert session.rate_limit_text == "256k/1M"
            nas.tick()
            assert session.download_bps == 1_000_000
            (seen,) = nas.orders
        assert answer_is_sound(answer.datagram, request)
        assert answer.datagram[0] == ACK_OF["coa"]
        assert answer.attributes == [(32, b"MikroTik")]
        assert (seen.kind, seen.username, seen.rate_limit, seen.outcome) == ("coa", "budi", "256k/1M", "ack")
        assert seen.message_authenticator
        assert seen.received_mono <= asyncio.get_running_loop().time()

    async def test_a_disconnect_ends_the_session_and_the_modem_dials_again(
        self, stub: RadiusStub, orders: OrderPort
    ) -> None:
        async with SimulatedNas(one(stub)) as nas:
            await until(lambda: stub.of("start"))
            orders.send(order("disconnect", attribute(1, "budi")), nas.coa_port)
            assert (await orders.answer()).datagram[0] == ACK_OF["disconnect"]
            await until(lambda: len(stub.of("start")) == 2)
        assert [request.number(49) for request in stub.of("stop")] == [6]
        assert stub.of("stop")[0].text(44) == stub.of("start")[0].text(44)

    @pytest.mark.parametrize("kind", ["coa", "disconnect"])
    @pytest.mark.parametrize(
        ("attributes", "cause"),
        [
            (attribute(1, "siti"), 503),
            (attribute(1, "budi") + attribute(44, "81100009"), 503),
            (attribute(1, "budi") + attribute(8, bytes([127, 64, 7, 7])), 503),
            (attribute(1, "budi") + attribute(4, bytes([10, 0, 0, 1])), 403),
            (attribute(1, "budi") + attribute(32, "OtherTik"), 403),
            (b"", 402),
        ],
        ids=["user", "session", "address", "nas-ip", "nas-id", "nothing"],
    )
    async def test_an_order_that_fits_no_session_is_refused(
        self, stub: RadiusStub, orders: OrderPort, kind: str, attributes: bytes, cause: int
    ) -> None:
        async with SimulatedNas(one(stub), automatic=False) as nas:
            session = await nas.open("budi")
            orders.send(order(kind, attributes), nas.coa_port)
            answer = await orders.answer()
            assert not session.ended.is_set()
            assert (nas.orders[0].outcome, nas.orders[0].error_cause) == ("nak", cause)
        assert answer.datagram[0] == NAK_OF[kind]
        assert answer.number(101) == cause
        assert answer.text(32) == "MikroTik"

    async def test_a_malformed_rate_changes_nothing_at_all(self, stub: RadiusStub, orders: OrderPort) -> None:
        """RFC 5176 section 2.2: a CoA is atomic."""
        stub.users["budi"].reply = mikrotik(8, "5M/20M")
        async with SimulatedNas(one(stub), automatic=False) as nas:
            session = await nas.open("budi")
            orders.send(order("coa", attribute(1, "budi") + attribute(27, 1) + mikrotik(8, "quick")), nas.coa_port)
            assert (await orders.answer()).number(101) == 407
            assert session.rate_limit_text == "5M/20M"
            assert not await session.ended_within(1.2)

    async def test_session_timeout_in_a_coa_counts_from_now(self, stub: RadiusStub, orders: OrderPort) -> None:
        async with SimulatedNas(one(stub), automatic=False) as nas:
            session = await nas.open("budi")
            orders.send(order("coa", attribute(1, "budi") + attribute(27, 1)), nas.coa_port)
            await orders.answer()
            assert await session.stopped()
        assert stub.of("stop")[0].number(49) == 5

    async def test_an_address_list_in_a_coa_is_acknowledged_and_does_nothing(
        self, stub: RadiusStub, orders: OrderPort
    ) -> None:
        async with SimulatedNas(one(stub), automatic=False) as nas:
            session = await nas.open("budi")
            orders.send(order("coa", attribute(1, "budi") + mikrotik(19, "isolir")), nas.coa_port)
            assert (await orders.answer()).datagram[0] == ACK_OF["coa"]
            assert (session.address_lists, session.walled) == ((), False)
            assert nas.orders[0].address_list == "isolir"

    async def test_a_repeated_order_gets_the_same_bytes_and_is_done_once(
        self, stub: RadiusStub, orders: OrderPort
    ) -> None:
        async with SimulatedNas(one(stub), automatic=False) as nas:
            await nas.open("budi")
            request = order("disconnect", attribute(1, "budi"))
            orders.send(request, nas.coa_port)
            first = await orders.answer()
            orders.send(request, nas.coa_port)
            assert (await orders.answer()).datagram == first.datagram
            assert [seen.duplicate for seen in nas.orders] == [False, True]

    @pytest.mark.parametrize("fault", ["secret", "signature", "source", "truncated", "code"])
    async def test_an_order_that_is_not_the_servers_gets_silence(
        self, stub: RadiusStub, orders: OrderPort, fault: str
    ) -> None:
        async with SimulatedNas(one(stub), automatic=False) as nas:
            session = await nas.open("budi")
            named = attribute(1, "budi")
            stranger = await OrderPort.open("127.0.0.99")
            good = order("disconnect", named, identifier=77)
            bad = {
                "secret": order("disconnect", named, secret=b"another-secret-16"),
                "signature": order("disconnect", named, signed=False),
                "source": order("disconnect", named),
                "truncated": good[:-1],
                "code": b"\x01" + good[1:],
            }[fault]
            (stranger if fault == "source" else orders).send(bad, nas.coa_port)
            await until(lambda: nas.order_stats.bad_requests == 1)
            assert not session.ended.is_set()
            orders.send(good, nas.coa_port)  # the next answer belongs to the good one
            assert (await orders.answer()).datagram[1] == 77
            assert stranger.answers.empty()
            stranger.transport.close()

    async def test_silence_refusal_pretence_and_lost_answers_on_demand(
        self, stub: RadiusStub, orders: OrderPort
    ) -> None:
        async with SimulatedNas(one(stub), automatic=False) as nas:
            session = await nas.open("budi")

            def send(identifier: int, rate: str) -> bytes:
                request = order("coa", attribute(1, "budi") + mikrotik(8, rate), identifier=identifier)
                orders.send(request, nas.coa_port)
                return request

            nas.misbehaviour.update({"silent_orders": 1})
            request = send(1, "1M/1M")
            await until(lambda: nas.orders)
            assert session.rate_limit_text == ""
            orders.send(request, nas.coa_port)  # the server tries again, and now it is heard
            assert (await orders.answer()).datagram[0] == ACK_OF["coa"]
            assert session.rate_limit_text == "1M/1M"

            nas.misbehaviour.update({"nak_orders": 1, "nak_error_cause": 506})
            send(2, "2M/2M")
            assert (await orders.answer()).number(101) == 506

            nas.misbehaviour.update({"ack_without_effect": 1})
            send(3, "3M/3M")
            assert (await orders.answer()).datagram[0] == ACK_OF["coa"]
            assert session.rate_limit_text == "1M/1M"

            nas.misbehaviour.update({"wrong_authenticator_orders": 1})
            request = send(4, "4M/4M")
            assert not answer_is_sound((await orders.answer()).datagram, request)

            nas.misbehaviour.update({"lost_ack_orders": 1})
            send(5, "5M/5M")
            await until(lambda: session.rate_limit_text == "5M/5M")
            assert nas.orders[-1].outcome == "silent"
            assert orders.answers.empty()


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
