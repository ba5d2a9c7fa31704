"""What the simulated NAS makes of CoA and Disconnect."""

import asyncio

import pytest

from netbilld.demo.nas.simulated_nas import SimulatedNas
from tests.simulation.nas.one_nas import ACK_OF, NAK_OF, one, until
from tests.simulation.radius_stub import OrderPort, RadiusStub, answer_is_sound, attribute, mikrotik, order


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
