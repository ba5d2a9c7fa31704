"""Two independent readings of RADIUS meet: the simulated NAS speaks pyrad, netbilld speaks its own codec."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, ip_network
from typing import cast
from uuid import UUID

import pytest

from netbilld.demo.nas.errors import LoginRefusedError
from netbilld.demo.nas.simulated_nas import SimulatedNas
from netbilld.demo.nas.spec import NasSpec, SubscriberSpec
from netbilld.radius.access import AccessView, decide
from netbilld.radius.attributes import ACCT_OUTPUT_GIGAWORDS, CLASS, MIKROTIK_RATE_LIMIT
from netbilld.radius.authenticator import Secret
from netbilld.radius.clients import Client
from netbilld.radius.mschap import nt_hash
from netbilld.radius.packet import Packet, encode_attribute
from netbilld.radius.server import RadiusServer, Replay, Request

SECRET = "a-secret-of-sixteen"
MAC = "02:00:00:00:00:0A"
GRANT = encode_attribute(MIKROTIK_RATE_LIMIT, b"5M/20M") + encode_attribute(CLASS, b"netbilld")


class CorePort(asyncio.DatagramProtocol):
    """One of netbilld's ports, as thin as it can be."""

    def __init__(self, server: RadiusServer, views: dict[str, AccessView]) -> None:
        self.server = server
        self.views = views
        self.packets: list[Packet] = []
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        outcome = self.server.receive(data, addr, asyncio.get_running_loop().time())
        if isinstance(outcome, Replay):
            self.transport.sendto(outcome.reply, addr)
        elif isinstance(outcome, Request):
            self.packets.append(outcome.packet)
            code, attributes = 5, b""
            if self.server.kind == "auth":
                view = self.views.get(outcome.packet.attributes[1].decode())
                decision = decide(outcome, view, bytes)
                code, attributes = decision.code, decision.attributes
            self.transport.sendto(self.server.respond(outcome, code, attributes), addr)


@pytest.fixture
async def ports() -> AsyncIterator[tuple[CorePort, CorePort]]:
    client = Client(UUID(int=1), "bng", ip_network("127.0.0.77/32"), Secret(SECRET.encode()), "mikrotik")
    views = {
        "budi": AccessView("budi", "password", b"rahasia", nt_hash("rahasia"), UUID(int=2), {"mikrotik": GRANT}),
        MAC: AccessView(MAC, "mac", b"", b"", UUID(int=3), {"mikrotik": GRANT}),
    }
    opened = []
    for kind in ("auth", "acct"):
        server = RadiusServer([client], "auth" if kind == "auth" else "acct")
        _, port = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda server=server: CorePort(server, views),  # type: ignore[misc] # the default binds the loop's value
            local_addr=("127.0.0.1", 0),
        )
        opened.append(port)
    yield opened[0], opened[1]
    for port in opened:
        port.transport.close()


def spec(ports: tuple[CorePort, CorePort], subscriber: SubscriberSpec) -> NasSpec:
    return NasSpec(
        bind_address=IPv4Address("127.0.0.77"),
        secret=SECRET,
        auth_port=ports[0].transport.get_extra_info("sockname")[1],
        acct_port=ports[1].transport.get_extra_info("sockname")[1],
        coa_port=0,
        timeout_seconds=0.3,
        subscribers=(subscriber,),
    )


@pytest.mark.parametrize(
    "subscriber",
    [
        SubscriberSpec(username="budi", password="rahasia"),
        SubscriberSpec(username="budi", password="rahasia", method="chap"),
        SubscriberSpec(username="budi", password="rahasia", method="chap", service="hotspot"),
        SubscriberSpec(username="budi", password="rahasia", method="mschapv2"),
        SubscriberSpec(username=MAC, mac=MAC, method="mac", service="hotspot"),
    ],
    ids=["pap", "chap", "hotspot", "mschapv2", "mac"],
)
async def test_a_session_lives_from_log_in_to_stop(
    ports: tuple[CorePort, CorePort], subscriber: SubscriberSpec
) -> None:
    async with SimulatedNas(spec(ports, subscriber), automatic=False) as nas:
        nas.misbehaviour.update({"duplicate_requests_percent": 50, "drop_replies_percent": 20})
        session = await nas.open(subscriber.username)
        assert session.rate_limit_text == "5M/20M"
        assert await session.interim(1, 6 << 32)
        assert await session.stop(2, 7 << 32)
        assert nas.stats.bad_replies == 0
    assert not any(ports[0].server.drops.values()), ports[0].server.drops
    assert not any(ports[1].server.drops.values()), ports[1].server.drops
    started, reported, stopped = (packet.attributes for packet in ports[1].packets)
    assert ACCT_OUTPUT_GIGAWORDS not in started
    assert [int.from_bytes(seen[ACCT_OUTPUT_GIGAWORDS]) for seen in (reported, stopped)] == [6, 7]
    assert {seen[CLASS] for seen in (started, reported, stopped)} == {b"netbilld"}


async def test_a_wrong_password_is_refused(ports: tuple[CorePort, CorePort]) -> None:
    async with SimulatedNas(spec(ports, SubscriberSpec(username="budi", password="salah")), automatic=False) as nas:
        with pytest.raises(LoginRefusedError):
            await nas.open("budi")
