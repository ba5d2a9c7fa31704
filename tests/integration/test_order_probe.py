"""An order about a session that nobody has: what comes back is told apart, by a CoA server that shares no code with us."""

import asyncio
import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from netbilld.adapters.clock import entropy
from netbilld.adapters.nas.order_probe import SendProbe
from netbilld.enforcement.doctor.facts import Answer, OrderProbe
from netbilld.enforcement.order_form import SUITED, OrderForm
from netbilld.services.nas_control import NasTarget
from tests.coa_server import CoaServer
from tests.peers import free_udp_port

SECRET = b"testing123"
EVENT_TIMESTAMP, MESSAGE_AUTHENTICATOR = 55, 80


def now() -> datetime:
    return datetime.now(UTC)


async def probed(
    port: int, vendor: str = "mikrotik", secret: bytes = SECRET, form: OrderForm = SUITED
) -> OrderProbe | None:
    sender = SendProbe(("127.0.0.1",), timeout_seconds=0.2, entropy=entropy, monotonic=time.monotonic, now=now)
    return await sender.probe(NasTarget(uuid4(), "pop1", "127.0.0.1", port, vendor, secret, form))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("nak", OrderProbe(Answer.REFUSED_IT, 503)),
        ("ack", OrderProbe(Answer.TOOK_IT)),
        ("wrong_secret", OrderProbe(Answer.OTHER_SECRET)),
        ("silent", OrderProbe(Answer.SILENCE)),
    ],
)
async def test_each_answer_means_something_else(answer: str, expected: OrderProbe) -> None:
    async with CoaServer(secret=SECRET, answer=answer) as server:
        assert await probed(server.port) == expected
    (order,) = server.orders
    assert (order.kind, order.username[:16]) == ("disconnect", "netbilld-doctor-")


async def test_it_is_stamped_and_signed_as_orders_to_that_nas_are() -> None:
    async with CoaServer(secret=SECRET, answer="nak") as server:
        await probed(server.port, form=OrderForm(event_timestamp=True, message_authenticator=True))
        await probed(server.port, form=OrderForm(event_timestamp=False, message_authenticator=False))
    stamped, bare = (order.attributes for order in server.orders)
    assert {EVENT_TIMESTAMP, MESSAGE_AUTHENTICATOR} <= stamped.keys()
    assert not {EVENT_TIMESTAMP, MESSAGE_AUTHENTICATOR} & bare.keys()


async def test_a_closed_port_is_told_from_silence() -> None:
    assert await probed(free_udp_port()) == OrderProbe(Answer.NOTHING_LISTENS)


async def test_an_order_that_is_not_believed_gets_silence() -> None:
    async with CoaServer(secret=b"another") as server:
        assert await probed(server.port) == OrderProbe(Answer.SILENCE)
        assert server.unsound == 2  # it was sent twice


async def test_a_late_answer_counts_and_an_answer_of_others_does_not() -> None:
    async with CoaServer(secret=SECRET, answer="late_ack") as server:
        probing = asyncio.ensure_future(probed(server.port))
        await asyncio.sleep(0)
        assert await probing == OrderProbe(Answer.TOOK_IT)


async def test_who_takes_no_orders_is_sent_none() -> None:
    assert await probed(free_udp_port(), "ocserv") is None
