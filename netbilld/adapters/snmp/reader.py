"""What a device says: its ports by name, wherever they are now, and how it is."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from netbilld.adapters.snmp import oids
from netbilld.adapters.snmp.client import Agent, SnmpClient, Value
from netbilld.model.device_state import DeviceHealth
from netbilld.model.errors import NetbilldError
from netbilld.model.snmp import SnmpAccess
from netbilld.ports.snmp import DeviceRefusedError, DeviceReport, DeviceSilentError, Port, Wanted

ANSWER_SECONDS: Final = 25.0  # for a whole reading: an agent that dribbles is as good as silent
_AGENTS_KEPT: Final = 4096
_PORTS_A_QUESTION: Final = 4
_LONGEST_NAME: Final = 200
_CLOCK: Final = (oids.SYS_UPTIME, oids.HOST_UPTIME)
_HEALTH: Final = (
    *_CLOCK,
    oids.SYS_NAME,
    oids.SYS_DESCR,
    oids.ROUTEROS_VERSION,
    oids.ROUTEROS_BOARD,
    oids.ROUTEROS_MEMORY_UNIT,
    oids.ROUTEROS_MEMORY_SIZE,
    oids.ROUTEROS_MEMORY_USED,
    oids.ROUTEROS_TEMPERATURE,
    oids.ROUTEROS_CPU_TEMPERATURE,
    oids.PPP_SESSIONS,
    oids.LINUX_MEMORY_TOTAL,
    oids.LINUX_MEMORY_FREE,
    oids.LINUX_MEMORY_BUFFERS,
    oids.LINUX_MEMORY_CACHED,
)
_PORT: Final = (
    oids.IF_NAME,
    oids.IF_HC_IN_OCTETS,
    oids.IF_HC_OUT_OCTETS,
    oids.IF_HIGH_SPEED,
    oids.IF_DISCONTINUITY,
    oids.IF_OPER_STATUS,
)
_QUEUE: Final = (oids.QUEUE_NAME, oids.QUEUE_IN_OCTETS, oids.QUEUE_OUT_OCTETS)
_NAMES: Final = {"interface": (oids.IF_NAME, oids.IF_DESCR), "alias": (oids.IF_ALIAS,), "queue": (oids.QUEUE_NAME,)}
_UP: Final = 1
_INT32: Final = 2**31
_MOST_PERCENT: Final = 1000  # of an agent that means it otherwise
_NO_SPEED_BPS: Final = 10_000_000  # what tunnels and virtual ports say, of which nobody knows how fast they are


class SnmpReader:
    """Reads devices; each is asked one thing at a time, many at once."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._client: SnmpClient | None = None
        self._agents: dict[SnmpAccess, Agent] = {}

    async def read(self, access: SnmpAccess, wanted: Wanted) -> DeviceReport:
        """Return what a device says of its ports and itself.

        Raises:
            DeviceSilentError: no answer, or none in time.
            DeviceRefusedError: an answer that says no.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._read(await self.agent(access), wanted)
        except TimeoutError:
            raise DeviceSilentError(f"it answers too slowly: not all in {ANSWER_SECONDS:.0f} s") from None
        except NetbilldError:
            raise
        except Exception as error:  # whatever an agent may send, it is that device alone which can't be read
            raise DeviceRefusedError(f"what it answers can't be understood: {type(error).__name__}") from error

    def close(self) -> None:
        """Let go of every socket."""
        if self._client is not None:
            self._client.close()
            self._client = None
        self._agents.clear()

    async def agent(self, access: SnmpAccess) -> Agent:
        """Return the agent of a device, the same for everybody who asks it; where it is now, if it was silent.

        Raises:
            DeviceSilentError: its host name is nobody's.
        """
        agent = self._agents.get(access)
        if agent is None:
            if self._client is None or len(self._agents) >= _AGENTS_KEPT:
                self.close()
                self._client = SnmpClient(self._timeout_seconds)
            agent = self._agents[access] = await self._client.agent(access)
        elif agent.is_silent and self._client is not None:
            await self._client.find_again(agent)
        return agent

    async def _read(self, agent: Agent, wanted: Wanted) -> DeviceReport:
        said = await agent.get(_HEALTH if wanted.health else _CLOCK)
        uptime = said.get(oids.HOST_UPTIME, said.get(oids.SYS_UPTIME))
        found = _Found()
        every_port = await self._every_port(agent, found) if wanted.sessions else ()
        for kind, names in (("interface", wanted.interfaces), ("alias", wanted.aliases), ("queue", wanted.queues)):
            if names:
                await self._find(agent, kind, sorted(names), wanted.known, found)
        return DeviceReport(
            uptime_ticks=uptime if isinstance(uptime, int) else 0,
            is_host_uptime=oids.HOST_UPTIME in said,
            ports=found.ports,
            names=found.names,
            ambiguous=frozenset(found.ambiguous),
            every_port=every_port,
            health=_health(said, await agent.table((oids.PROCESSOR_LOAD,))) if wanted.health else None,
        )

    async def _every_port(self, agent: Agent, found: "_Found") -> tuple[Port, ...]:
        rows = await agent.table((oids.IF_NAME, oids.IF_HC_IN_OCTETS, oids.IF_HC_OUT_OCTETS))
        ports = []
        for index, row in rows.items():
            if (port := _interface(index, row)) is not None:
                ports.append(port)
                found.names["interface", index] = port.name
        return tuple(ports)

    async def _find(
        self,
        agent: Agent,
        kind: str,
        names: Sequence[str],
        known: Mapping[tuple[str, str], str],
        found: "_Found",
    ) -> None:
        """Read the ports of these names: where they were before, and elsewhere those that are not there any more.

        One that is down is looked for elsewhere too: an agent may show an interface for minutes after it is gone, and
        beside it the one that took its name.
        """
        indexes = {index: name for name in names if (index := known.get((kind, name))) is not None}
        await self._take(agent, kind, indexes, found)
        sought = [name for name in names if (kind, name) not in found.ports or (kind, name) in found.down]
        if not sought:
            return
        columns = _NAMES[kind]
        rows = await agent.table(columns if kind == "queue" else (*columns, oids.IF_OPER_STATUS))
        by_name: dict[str, list[str]] = {}
        for index, row in rows.items():
            name = next((text for column in columns if (text := _text(row.get(column)))), "")
            found.names[kind, index] = name
            by_name.setdefault(name, []).append(index)
        elsewhere: dict[str, str] = {}
        for name in sought:
            there = by_name.get(name, [])
            up = [index for index in there if rows[index].get(oids.IF_OPER_STATUS, _UP) == _UP]
            if len(up) == 1:
                elsewhere[up[0]] = name
            elif len(up) > 1 or (len(there) > 1 and (kind, name) not in found.ports):
                found.ambiguous.add((kind, name))
            elif there and (kind, name) not in found.ports:
                elsewhere[there[0]] = name
        await self._take(agent, kind, elsewhere, found)

    async def _take(self, agent: Agent, kind: str, indexes: Mapping[str, str], found: "_Found") -> None:
        """Read these rows, a few in one answer, and keep those that still have the name they are wanted by."""
        columns = _QUEUE if kind == "queue" else (*_PORT, oids.IF_ALIAS) if kind == "alias" else _PORT
        make: Callable[[str, Mapping[str, Value]], Port | None] = _queue if kind == "queue" else _interface
        for some in _portions(sorted(indexes), _PORTS_A_QUESTION):
            rows = _rows(await agent.get([f"{column}.{index}" for index in some for column in columns]), columns, some)
            if kind != "queue":
                await _add_narrow(agent, rows)
            for index, row in rows.items():
                port, name = make(index, row), indexes[index]
                shown = _text(row.get(oids.IF_ALIAS)) if kind == "alias" else port.name if port else ""
                if port is not None and shown == name:
                    found.ports[kind, name] = port
                    if row.get(oids.IF_OPER_STATUS, _UP) != _UP:
                        found.down.add((kind, name))


class _Found:
    """What a reading has found so far."""

    def __init__(self) -> None:
        self.ports: dict[tuple[str, str], Port] = {}
        self.names: dict[tuple[str, str], str] = {}
        self.ambiguous: set[tuple[str, str]] = set()
        self.down: set[tuple[str, str]] = set()


async def _add_narrow(agent: Agent, rows: Mapping[str, dict[str, Value]]) -> None:
    """Ask for what agents without ifXTable have, and 32-bit counters for slow interfaces (RFC 2863 §3.1.6)."""
    narrow = [index for index, row in rows.items() if oids.IF_HC_IN_OCTETS not in row]
    if narrow:
        columns = (oids.IF_DESCR, oids.IF_IN_OCTETS, oids.IF_OUT_OCTETS, oids.IF_SPEED)
        said = await agent.get([f"{column}.{index}" for index in narrow for column in columns])
        for index, row in _rows(said, columns, narrow).items():
            rows[index].update(row)


def _rows(said: Mapping[str, Value], columns: Sequence[str], indexes: Iterable[str]) -> dict[str, dict[str, Value]]:
    return {
        index: {column: said[oid] for column in columns if (oid := f"{column}.{index}") in said} for index in indexes
    }


def _interface(index: str, row: Mapping[str, Value]) -> Port | None:
    name = _text(row.get(oids.IF_NAME)) or _text(row.get(oids.IF_DESCR))
    wide = oids.IF_HC_IN_OCTETS in row
    into = row.get(oids.IF_HC_IN_OCTETS if wide else oids.IF_IN_OCTETS)
    out = row.get(oids.IF_HC_OUT_OCTETS if wide else oids.IF_OUT_OCTETS)
    if not isinstance(into, int) or not isinstance(out, int) or not name:
        return None
    megabits, bits = row.get(oids.IF_HIGH_SPEED), row.get(oids.IF_SPEED)
    fastest = megabits * 1_000_000 if isinstance(megabits, int) else bits if isinstance(bits, int) else 0
    lost = row.get(oids.IF_DISCONTINUITY)
    return Port(
        index,
        name,
        into,
        out,
        wide,
        lost if isinstance(lost, int) else 0,
        fastest if fastest > _NO_SPEED_BPS else None,
    )


def _queue(index: str, row: Mapping[str, Value]) -> Port | None:
    name, into, out = _text(row.get(oids.QUEUE_NAME)), row.get(oids.QUEUE_IN_OCTETS), row.get(oids.QUEUE_OUT_OCTETS)
    if not isinstance(into, int) or not isinstance(out, int) or not name:
        return None
    return Port(index, name, into, out, wide=True)


def _health(said: Mapping[str, Value], load: Mapping[str, Mapping[str, Value]]) -> DeviceHealth:
    loads = [value for row in load.values() if isinstance(value := row[oids.PROCESSOR_LOAD], int)]
    total, used = _memory(said)
    return DeviceHealth(
        name=_text(said.get(oids.SYS_NAME)),
        description=_text(said.get(oids.SYS_DESCR)),
        version=" ".join(filter(None, (_text(said.get(oids.ROUTEROS_BOARD)), _text(said.get(oids.ROUTEROS_VERSION))))),
        cpu_percent=min(round(sum(loads) / len(loads)), _MOST_PERCENT) if loads else None,
        memory_octets=total,
        memory_used_octets=used,
        temperature_decidegrees=_number(said, oids.ROUTEROS_CPU_TEMPERATURE, oids.ROUTEROS_TEMPERATURE),
        ppp_sessions=_number(said, oids.PPP_SESSIONS),
    )


def _memory(said: Mapping[str, Value]) -> tuple[int | None, int | None]:
    unit = _number(said, oids.ROUTEROS_MEMORY_UNIT)
    size, used = _number(said, oids.ROUTEROS_MEMORY_SIZE), _number(said, oids.ROUTEROS_MEMORY_USED)
    if unit is not None and size is not None and used is not None:
        return unit * size, unit * used
    total, free = _number(said, oids.LINUX_MEMORY_TOTAL), _number(said, oids.LINUX_MEMORY_FREE)
    if total is None or free is None:
        return None, None
    spare = free + (_number(said, oids.LINUX_MEMORY_BUFFERS) or 0) + (_number(said, oids.LINUX_MEMORY_CACHED) or 0)
    return total * 1024, max(0, total - spare) * 1024


def _number(said: Mapping[str, Value], *wanted: str) -> int | None:
    for oid in wanted:
        value = said.get(oid)
        if isinstance(value, int) and -_INT32 <= value < _INT32:
            return value
    return None


def _text(value: Value | None) -> str:
    """Return a name as the device has it, without what can't be shown."""
    if not isinstance(value, bytes):
        return "" if value is None else str(value)
    text = value.decode("utf-8", "replace").strip("\0 ")
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST_NAME]


def _portions(values: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))
