"""An SNMP agent that shows what a test gives it: pysnmp's command responder, so it shares no code with our reading."""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdrsp, context
from pysnmp.proto.api import v2c
from pysnmp.proto.rfc1905 import endOfMibView, noSuchInstance
from pysnmp.smi.instrum import AbstractMibInstrumController

from tests.peers import free_udp_port

Oid = tuple[int, ...]
MIB_2 = (1, 3, 6, 1, 2, 1)
ROUTEROS = (1, 3, 6, 1, 4, 1, 14988, 1, 1)
INTERFACES = (*MIB_2, 2, 2, 1)
EXTENDED = (*MIB_2, 31, 1, 1, 1)
QUEUES = (*ROUTEROS, 2, 1, 1)
GUESTS = (*ROUTEROS, 5, 1, 1)


class FakeAgent:
    """A device. `values` may be changed at any time; `asked` counts the questions."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.values: dict[Oid, Any] = {}
        self.asked = 0
        self.has_no_end = False  # there is always another guest of its hotspot
        self.up(seconds=86_400)

    def up(self, seconds: float, host_seconds: float | None = None) -> None:
        """Say how long the agent has run, and the device if it tells that at all."""
        self.values[*MIB_2, 1, 3, 0] = v2c.TimeTicks(int(seconds * 100) % 2**32)
        self.values[*MIB_2, 1, 5, 0] = v2c.OctetString("gerbang")
        if host_seconds is not None:
            self.values[*MIB_2, 25, 1, 1, 0] = v2c.TimeTicks(int(host_seconds * 100) % 2**32)

    def interface(
        self,
        index: int,
        name: str,
        octets_in: int,
        octets_out: int,
        *,
        alias: str = "",
        megabits: int = 1000,
        wide: bool = True,
        up: bool = True,
        lost_at: int = 0,
        changed_at: int = 0,
    ) -> None:
        text, number = v2c.OctetString(name), v2c.Counter32
        self.values |= {
            (*INTERFACES, 2, index): text,
            (*INTERFACES, 5, index): v2c.Gauge32(min(megabits * 1_000_000, 2**32 - 1)),
            (*INTERFACES, 8, index): v2c.Integer32(1 if up else 2),
            (*INTERFACES, 9, index): v2c.TimeTicks(changed_at),
            (*INTERFACES, 10, index): number(octets_in % 2**32),
            (*INTERFACES, 16, index): number(octets_out % 2**32),
            (*EXTENDED, 1, index): text,
            (*EXTENDED, 15, index): v2c.Gauge32(megabits),
            (*EXTENDED, 18, index): v2c.OctetString(alias),
            (*EXTENDED, 19, index): v2c.TimeTicks(lost_at),
        }
        if wide:
            self.values |= {
                (*EXTENDED, 6, index): v2c.Counter64(octets_in),
                (*EXTENDED, 10, index): v2c.Counter64(octets_out),
            }

    def queue(self, index: int, name: str, octets_in: int, octets_out: int) -> None:
        self.values |= {
            (*QUEUES, 2, index): v2c.OctetString(name),
            (*QUEUES, 8, index): v2c.Counter64(octets_in),
            (*QUEUES, 9, index): v2c.Counter64(octets_out),
        }

    def guest(self, index: int, address: bytes, mac: bytes, octets_in: int, octets_out: int) -> None:
        self.values |= {
            (*GUESTS, 5, index): v2c.IpAddress(address),
            (*GUESTS, 6, index): v2c.OctetString(mac),
            (*GUESTS, 12, index): v2c.Counter64(octets_in),
            (*GUESTS, 13, index): v2c.Counter64(octets_out),
        }

    def remove(self, index: int) -> None:
        """Let every row of that number be gone."""
        self.values = {oid: value for oid, value in self.values.items() if oid[-1] != index}


class _Shown(AbstractMibInstrumController):  # type: ignore[misc]  # it has no stubs
    def __init__(self, agent: FakeAgent) -> None:
        self._agent = agent

    def read_variables(self, *wanted: Any, **_context: Any) -> list[Any]:
        self._agent.asked += 1
        return [(name, self._agent.values.get(tuple(name), noSuchInstance)) for name, _ in wanted]

    def read_next_variables(self, *wanted: Any, **_context: Any) -> list[Any]:
        self._agent.asked += 1
        order = sorted(self._agent.values)
        found = []
        for name, _ in wanted:
            if self._agent.has_no_end and name[: len(GUESTS)] == GUESTS:
                column, (index,) = name[: len(GUESTS) + 1], name[len(GUESTS) + 1 :] or (0,)
                after = (*column, index + 1)
                found.append((v2c.ObjectIdentifier(after), v2c.OctetString("ether")))
                continue
            place = bisect_right(order, tuple(name))
            if place == len(order):
                found.append((name, endOfMibView))
            else:
                found.append((v2c.ObjectIdentifier(order[place]), self._agent.values[order[place]]))
        return found


@contextmanager
def fake_agent(*, community: str = "publik") -> Iterator[FakeAgent]:
    """Run an agent within this event loop, on a port of its own."""
    agent = FakeAgent(free_udp_port())
    engine = SnmpEngine()
    config.add_transport(engine, udp.DOMAIN_NAME, udp.UdpTransport().open_server_mode(("127.0.0.1", agent.port)))
    config.add_v1_system(engine, "area", community)
    config.add_vacm_user(engine, 2, "area", "noAuthNoPriv", readSubTree=(1, 3, 6))
    shown = context.SnmpContext(engine)
    shown.unregister_context_name(b"")
    shown.register_context_name(b"", _Shown(agent))
    cmdrsp.GetCommandResponder(engine, shown)
    cmdrsp.BulkCommandResponder(engine, shown)
    try:
        yield agent
    finally:
        engine.close_dispatcher()
