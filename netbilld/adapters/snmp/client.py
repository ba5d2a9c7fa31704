"""GET and GETBULK by pysnmp, for hundreds of agents at once: one engine for all of v2c, one for each set of v3 keys.

An engine holds its users by name alone, so that two devices which know one user by different keys need two of them.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from pyasn1.type.univ import Integer, OctetString
from pysnmp.hlapi.v3arch.asyncio import (
    USM_AUTH_HMAC96_MD5,
    USM_AUTH_HMAC96_SHA,
    USM_AUTH_HMAC192_SHA256,
    USM_AUTH_HMAC384_SHA512,
    USM_PRIV_CBC56_DES,
    USM_PRIV_CFB128_AES,
    USM_PRIV_CFB256_AES,
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    Udp6TransportTarget,
    UdpTransportTarget,
    UsmUserData,
    bulk_cmd,
    get_cmd,
)
from pysnmp.proto import rfc1905
from pysnmp.proto.errind import RequestTimedOut

from netbilld.model.snmp import SnmpAccess, SnmpUser
from netbilld.ports.snmp import DeviceRefusedError, DeviceSilentError

MOST_ROWS: Final = 20_000  # of one table: a bound on what an agent may make us hold
WALK_SECONDS: Final = 20.0  # for one whole table: an agent that gives a row at a time is as good as silent
_MOST_REPETITIONS: Final = 20
_LEAST_REPETITIONS: Final = 5
_PACKET_TOO_BIG: Final = 1  # RFC 3416 §3, error-status
_AUTH: Final = {
    "md5": USM_AUTH_HMAC96_MD5,
    "sha": USM_AUTH_HMAC96_SHA,
    "sha256": USM_AUTH_HMAC192_SHA256,
    "sha512": USM_AUTH_HMAC384_SHA512,
}
_PRIV: Final = {"des": USM_PRIV_CBC56_DES, "aes": USM_PRIV_CFB128_AES, "aes256": USM_PRIV_CFB256_AES}
_MISSING: Final = (rfc1905.NoSuchObject, rfc1905.NoSuchInstance, rfc1905.EndOfMibView)

Value = int | bytes


class SnmpClient:
    """Engines and their sockets; made within the running loop, closed at the end."""

    def __init__(self, timeout_seconds: float, tries: int = 2) -> None:
        self._timeout_seconds = timeout_seconds
        self._tries = tries
        self._engines: dict[SnmpUser | None, SnmpEngine] = {}
        self._own: set[SnmpEngine] = set()

    async def agent(self, access: SnmpAccess) -> "Agent":
        """Return a device's agent, which is not asked anything yet.

        Raises:
            DeviceSilentError: its host name is nobody's.
        """
        target = await self._target(access)
        return Agent(self._engine(access.user), _identity(access), target, access, self._another)

    async def find_again(self, agent: "Agent") -> None:
        """Look an agent's host name up again: a silent device may have got another address.

        Raises:
            DeviceSilentError: its host name is nobody's.
        """
        agent.move_to(await self._target(agent.access))

    async def _target(self, access: SnmpAccess) -> Any:
        kind = Udp6TransportTarget if ":" in access.host else UdpTransportTarget
        try:
            return await kind.create((access.host, access.port), timeout=self._timeout_seconds, retries=self._tries - 1)
        except Exception as error:
            raise DeviceSilentError(f"{access.host} has no address: {error}") from error

    def _engine(self, user: SnmpUser | None) -> SnmpEngine:
        engine = self._engines.get(user)
        if engine is None:
            engine = self._engines[user] = SnmpEngine()
        return engine

    def _another(self, engine: SnmpEngine) -> SnmpEngine:
        """Return an engine for one agent alone, instead of the one it has."""
        if engine in self._own:
            self._own.discard(engine)
            engine.close_dispatcher()
        own = SnmpEngine()
        self._own.add(own)
        return own

    def close(self) -> None:
        """Close every socket."""
        for engine in (*self._engines.values(), *self._own):
            engine.close_dispatcher()
        self._engines.clear()
        self._own.clear()


class Agent:
    """One device's agent; one question at a time, so that a slow one is never asked twice at once."""

    def __init__(
        self,
        engine: SnmpEngine,
        identity: Any,
        target: Any,
        access: SnmpAccess,
        another: Callable[[SnmpEngine], SnmpEngine],
    ) -> None:
        """Take what to ask with; `another` gives an engine that knows nothing of the agent yet."""
        self.access: Final = access
        self._another = another
        self.is_silent = False
        self._has_answered = False
        self._engine = engine
        self._identity = identity
        self._target = target
        self._asking = asyncio.Lock()
        self._repetitions = _MOST_REPETITIONS

    def move_to(self, target: Any) -> None:
        """Ask there from the next question on."""
        self._target, self.is_silent = target, False

    async def get(self, oids: Sequence[str]) -> dict[str, Value]:
        """Return the values of objects, without those that the agent doesn't have.

        Raises:
            DeviceSilentError: no answer.
            DeviceRefusedError: an answer that says no.
        """
        async with self._asking:
            status, pairs = await self._ask(get_cmd, (), oids)
        if status:
            raise DeviceRefusedError(f"the agent answers with error {status}")
        return {oid: value for oid, value in pairs if value is not None}

    async def table(self, columns: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Return rows by index (what follows the column's number), each with its columns by number.

        All columns of a row come in one answer, so that a name and its counters belong together.

        Raises:
            DeviceSilentError, DeviceRefusedError: as `get`; the former too where the table does not end in time.
        """
        async with self._asking:
            try:
                async with asyncio.timeout(WALK_SECONDS):
                    return await self._walk(columns)
            except TimeoutError:
                raise DeviceSilentError(f"a table of it does not end within {WALK_SECONDS:g} s") from None

    async def _walk(self, columns: Sequence[str]) -> dict[str, dict[str, Value]]:
        rows: dict[str, dict[str, Value]] = {}
        last: list[str] = list(columns)
        open_columns = list(range(len(columns)))
        while open_columns:
            pairs = await self._bulk([last[number] for number in open_columns])
            if not pairs:
                break
            still = set(open_columns)
            moved = False
            for place, (oid, value) in enumerate(pairs):
                number = open_columns[place % len(open_columns)]
                column = columns[number]
                if number not in still:
                    continue
                row = rows.setdefault(oid[len(column) + 1 :], {}) if oid.startswith(column + ".") else None
                if value is None or row is None or column in row:  # its end, or an agent that goes in circles
                    still.discard(number)
                    continue
                row[column] = value
                last[number] = oid
                moved = True
            if not moved or len(rows) > MOST_ROWS:
                break
            open_columns = [number for number in open_columns if number in still]
        return rows

    async def _bulk(self, oids: Sequence[str]) -> list[tuple[str, Value | None]]:
        """Return the next rows; asks for fewer at once where the agent can't give so many."""
        while True:
            try:
                status, pairs = await self._ask(bulk_cmd, (0, self._repetitions), oids)
            except DeviceSilentError:
                if self._repetitions <= _LEAST_REPETITIONS:
                    raise
                self._repetitions = max(_LEAST_REPETITIONS, self._repetitions // 2)
                raise
            if status == _PACKET_TOO_BIG and self._repetitions > 1:
                self._repetitions //= 2
                continue
            if status:
                raise DeviceRefusedError(f"the agent answers with error {status}")
            self._repetitions = min(_MOST_REPETITIONS, self._repetitions + 1)
            return pairs

    async def _ask(
        self, command: Any, numbers: tuple[int, ...], oids: Sequence[str]
    ) -> tuple[int, list[tuple[str, Value | None]]]:
        trouble, status, _, found = await command(
            self._engine,
            self._identity,
            self._target,
            ContextData(),
            *numbers,
            *(_asked(oid) for oid in oids),
            lookupMib=False,
        )
        if trouble is not None:
            if isinstance(trouble, RequestTimedOut):
                self.is_silent = True
                if self._has_answered and self.access.user is not None:
                    # a device that was exchanged, or reset, has another engine id; the old one is never let go
                    self._engine, self._has_answered = self._another(self._engine), False
                raise DeviceSilentError(_silence(self.access))
            raise DeviceRefusedError(f"the agent refuses us: {trouble}")
        self._has_answered = True
        return int(status), [(str(name), _value(value)) for name, value in found]


@lru_cache(maxsize=4096)
def _asked(oid: str) -> ObjectType:
    """Return an object to ask for; looking it up among MIBs, which is done once, costs as much as its answer."""
    return ObjectType(ObjectIdentity(oid))


def _silence(access: SnmpAccess) -> str:
    if access.user is not None:
        return "no answer: SNMP is off, another port, or a firewall"
    # an agent drops what comes with a community it doesn't know, and says nothing (RFC 3584 §5.2)
    return "no answer: SNMP is off, a firewall, or another community (v2c doesn't tell which)"


def _identity(access: SnmpAccess) -> Any:
    user = access.user
    if user is None:
        return CommunityData(access.community or "", mpModel=1)  # noqa: S508 - what most devices are set to
    what: Mapping[str, Any] = {}
    if user.auth_key:
        what = {"authKey": user.auth_key, "authProtocol": _AUTH[user.auth_protocol or "sha"]}
    if user.priv_key:
        what = {**what, "privKey": user.priv_key, "privProtocol": _PRIV[user.priv_protocol or "aes"]}
    return UsmUserData(user.name, **what)  # noqa: S509 - as the device is set


def _value(value: Any) -> Value | None:
    if isinstance(value, _MISSING):
        return None
    if isinstance(value, Integer):  # counters, gauges and ticks are
        return int(value)
    return bytes(value) if isinstance(value, OctetString) else str(value).encode()
