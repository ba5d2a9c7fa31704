"""Orders by RADIUS as others write them: FreeRADIUS takes ours, radclient sends to our simulated NAS (RFC 5176)."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from uuid import UUID

import pytest

from netbilld.adapters.nas.coa import CoaClient
from netbilld.billing.plan import Speed
from netbilld.demo.nas.coa_server import Order as TakenOrder
from netbilld.demo.nas.coa_server import OrderServer
from netbilld.demo.nas.misbehaviour import Misbehaviour
from netbilld.demo.nas.spec import NasSpec
from netbilld.enforcement.actions import ChangeOfAuthorization, Disconnect, Order, SessionHandle
from netbilld.enforcement.order_form import OrderForm
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.services.nas_control import NasTarget, Outcome, OutcomeKind, Silence
from tests.freeradius_process import FreeradiusProcess
from tests.peers import free_udp_port, need

pytestmark = [pytest.mark.peer, pytest.mark.slow]

SECRET = "between-netbilld-and-nas"
NOW = datetime(2026, 11, 22, 8, 2, 7, tzinfo=UTC)
SLOWER = ChangeOfAuthorization(ServiceProfile(Access.THROTTLED, Speed(2_000_000, 1_000_000)))
STAMPED = OrderForm(event_timestamp=True)
CONFIGURATION = """
modules {{
    always ok {{
        rcode = ok
    }}
    always reject {{
        rcode = reject
    }}
}}
client netbilld {{
    ipaddr = 127.0.0.1
    secret = {secret}
}}
server orders {{
    listen {{
        type = coa
        ipaddr = 127.0.0.1
        port = {port}
    }}
    recv-coa {{
        if (&User-Name == "gone") {{
            update reply {{
                Error-Cause := 503
            }}
            reject
        }}
        elsif (&User-Name == "stubborn") {{
            reject
        }}
        else {{
            ok
        }}
    }}
    send-coa {{
        ok
    }}
}}
"""


class Receiver(FreeradiusProcess):
    """FreeRADIUS's CoA server on loopback."""

    def __init__(self, directory: Path) -> None:
        self.port = free_udp_port()
        super().__init__(directory, CONFIGURATION.format(secret=SECRET, port=self.port))


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    need("freeradius")
    found = Receiver(tmp_path_factory.mktemp("coa"))
    try:
        yield found
    finally:
        found.end()


@asynccontextmanager
async def coa_client(timeout_seconds: float = 2.0, tries: int = 3) -> AsyncIterator[CoaClient]:
    client = CoaClient(
        ("127.0.0.1",), timeout_seconds=timeout_seconds, tries=tries, entropy=os.urandom, now=lambda: NOW
    )
    try:
        yield client
    finally:
        client.close()


def target(port: int, form: OrderForm = STAMPED, secret: str = SECRET) -> NasTarget:
    return NasTarget(UUID(int=1), "pop1", "127.0.0.1", port, "mikrotik", secret.encode(), form)


def session(username: str = "budi") -> SessionHandle:
    return SessionHandle(username, "81a00001", "10.1.2.3", "127.0.0.1")


@pytest.mark.parametrize("form", [STAMPED, OrderForm(), OrderForm(message_authenticator=False)])
@pytest.mark.parametrize("order", [SLOWER, Disconnect()])
async def test_freeradius_believes_our_orders_and_reads_what_they_say(
    receiver: Receiver, order: Order, form: OrderForm
) -> None:
    """It checks the Request Authenticator and Message-Authenticator by its own code."""
    before = len(receiver.log)
    async with coa_client() as client:
        assert await client.apply(target(receiver.port, form), session(), order, b"") == Outcome(OutcomeKind.ACKED)
    said = receiver.log[before:]
    kind = "CoA" if order is SLOWER else "Disconnect"
    assert f"Received {kind}-Request" in said
    assert f"Sent {kind}-ACK" in said
    assert 'User-Name = "budi"' in said
    assert 'Acct-Session-Id = "81a00001"' in said
    assert "Framed-IP-Address = 10.1.2.3" in said
    assert ('Mikrotik-Rate-Limit = "1M/2M"' in said) is (order is SLOWER)
    assert ("Event-Timestamp = " in said) is (form.event_timestamp is True)
    assert ("Message-Authenticator = 0x" in said) is (form.message_authenticator is not False)


@pytest.mark.parametrize(("username", "cause"), [("gone", 503), ("stubborn", None)])
async def test_a_refusal_of_freeradius_is_understood_with_and_without_its_cause(
    receiver: Receiver, username: str, cause: int | None
) -> None:
    async with coa_client() as client:
        outcome = await client.apply(target(receiver.port), session(username), Disconnect(), b"")
        assert (outcome.kind, outcome.error_cause) == (OutcomeKind.NACKED, cause)
        assert client.counters.causes == {cause or 0: 1}


async def test_freeradius_is_silent_to_who_does_not_know_the_secret(receiver: Receiver) -> None:
    async with coa_client(0.2, 2) as client:
        outcome = await client.apply(target(receiver.port, secret="another"), session(), SLOWER, b"")
    assert (outcome.kind, outcome.silence) == (OutcomeKind.TIMED_OUT, Silence.NO_ANSWER)


@pytest.mark.parametrize("kind", ["coa", "disconnect"])
async def test_radclient_and_we_say_the_same_octet_for_octet(kind: str) -> None:
    """The same order by another hand: authenticators are over every octet, so nothing may differ."""
    with socket.socket(type=socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.settimeout(20)
        port = heard.getsockname()[1]
        rate = 'Mikrotik-Rate-Limit = "1M/2M"\n' if kind == "coa" else ""
        asking = asyncio.create_task(
            radclient(
                port,
                kind,
                f"Event-Timestamp = {int(NOW.timestamp())}\n"
                'User-Name = "budi"\nAcct-Session-Id = "81a00001"\nFramed-IP-Address = 10.1.2.3\n'
                f"NAS-IP-Address = 127.0.0.1\n{rate}",
                "-r",
                "1",
                "-t",
                "0.5",
            )
        )
        theirs = await asyncio.to_thread(heard.recv, 4096)
        await asking
    form = OrderForm(event_timestamp=True, message_authenticator=False)
    async with coa_client() as client:
        ours = client.build(target(port, form), theirs[1], session(), SLOWER if kind == "coa" else Disconnect(), b"")
    assert ours.hex() == theirs.hex()


async def radclient(port: int, kind: str, attributes: str, *options: str, secret: str = SECRET) -> str:
    """Return what radclient prints."""
    process = await asyncio.create_subprocess_exec(
        need("radclient"), "-x", *(options or ("-r", "2", "-t", "1")), f"127.0.0.1:{port}", kind, secret,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate(attributes.encode())
    return said.decode()


@asynccontextmanager
async def simulated(spec: NasSpec, cause: int | None = None) -> AsyncIterator[tuple[OrderServer, int]]:
    def carry_out(_order: TakenOrder) -> int | None:
        return cause

    server = OrderServer(spec, Misbehaviour(), lambda: NOW, carry_out)
    port = await server.open(0)
    try:
        yield server, port
    finally:
        server.close()


SPEC = NasSpec(bind_address=IPv4Address("127.0.0.1"), secret=SECRET, coa_sources=(IPv4Address("127.0.0.1"),))


@pytest.mark.parametrize("kind", ["coa", "disconnect"])
@pytest.mark.parametrize("signed", ["", "Message-Authenticator = 0x00\n"])
async def test_the_simulated_nas_takes_what_radclient_orders(kind: str, signed: str) -> None:
    async with simulated(SPEC) as (server, port):
        said = await radclient(port, kind, f'{signed}User-Name = "budi"\nAcct-Session-Id = "81a00001"\n')
    words = "CoA" if kind == "coa" else "Disconnect"
    assert f"Received {words}-ACK" in said
    (order,) = server.orders
    assert (order.kind, order.username, order.message_authenticator) == (kind, "budi", bool(signed))


async def test_radclient_reads_the_simulated_nas_s_refusal() -> None:
    async with simulated(SPEC, 503) as (_server, port):
        said = await radclient(port, "disconnect", 'User-Name = "budi"\n')
    assert "Received Disconnect-NAK" in said
    assert "Error-Cause = Session-Context-Not-Found" in said


async def test_the_simulated_nas_is_silent_to_who_does_not_know_the_secret() -> None:
    async with simulated(SPEC) as (server, port):
        said = await radclient(port, "disconnect", 'User-Name = "budi"\n', secret="another")
    assert "No reply" in said
    assert server.orders == []
    assert server.stats.bad_requests == 2
