"""The two RADIUS ports: datagrams go straight down to a decision or to the journal, and back."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final, Literal, Protocol
from uuid import UUID

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.radius_udp import RadiusListener
from netbilld.daemon.drop_ledger import DropLedger
from netbilld.daemon.packet_trace import PacketTrace
from netbilld.radius.access import Decision
from netbilld.radius.clients import ClientTable
from netbilld.radius.codes import Code
from netbilld.radius.server import Drop, DropReason, RadiusServer, Replay, Request, Source
from netbilld.services.authenticate import Authenticate
from netbilld.services.record_accounting import Unanswered
from netbilld.services.sparing_log import SparingLog

# the faults an operator mends on the NAS; the others are the network's everyday noise and only counted
_WORTH_A_LINE: Final = {
    DropReason.UNKNOWN_CLIENT: "no NAS has this address: `netbilld nas add NAME ADDRESS --secret …`",
    DropReason.UNKNOWN_IDENTIFIER: (
        "several NAS have this address and none is told by this NAS-Identifier: "
        "`netbilld nas add NAME ADDRESS --identifier …`, or `nas set` after a router was renamed"
    ),
    DropReason.BAD_AUTHENTICATOR: "the shared secret differs",
    DropReason.BAD_MESSAGE_AUTHENTICATOR: "the shared secret differs, or the packet was changed on its way",
    DropReason.MESSAGE_AUTHENTICATOR_MISSING: "Message-Authenticator is required of this NAS and missing",
    DropReason.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR: "a proxied request without Message-Authenticator is unsafe",
}
_STATUS_SERVER: Final = int(Code.STATUS_SERVER)
_ACCOUNTING_RESPONSE: Final = int(Code.ACCOUNTING_RESPONSE)
Port = Literal["auth", "acct"]
BOTH_PORTS: Final[tuple[Port, ...]] = ("auth", "acct")
logger = logging.getLogger("netbilld.radius")


class Recorder(Protocol):
    """Takes an Accounting-Request on; answers it, or has it forgotten, once its record's fate is known."""

    counting: Mapping[UUID, int]
    unanswered: dict[Unanswered, int]

    def handle(self, request: Request) -> None: ...


class RecorderFactory(Protocol):
    """Makes the recorder of one socket, given how that socket answers."""

    def __call__(self, *, respond: Callable[[Request], object], forget: Callable[[Request], object]) -> Recorder: ...


class Companion(Protocol):
    """Another port of RADIUS: it has the same NAS table, and ends with the edge."""

    clients: ClientTable
    trace: PacketTrace | None

    @property
    def recorder(self) -> Recorder: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


class RadiusEdge:
    """Listeners and protocol state of both ports."""

    def __init__(
        self,
        hosts: Sequence[str],
        auth_port: int,
        acct_port: int,
        authenticate: Authenticate,
        recorder_for: RecorderFactory,
        clock: SystemClock,
        *,
        ports: Collection[Port] = BOTH_PORTS,
        descriptors: Sequence[int] = (),
    ) -> None:
        """Bind every socket; nothing is received before `start`.

        Args:
            hosts: addresses to bind.
            auth_port: UDP.
            acct_port: UDP.
            authenticate: answers Access-Requests.
            recorder_for: makes what takes Accounting-Requests on.
            clock: the clock.
            ports: which of the two are answered here.
            descriptors: authentication sockets that are bound already, one for each host.

        Raises:
            NetbilldError: a port is in use, or an address is not this host's.
        """
        self._authenticate = authenticate
        self._recorder_for = recorder_for
        self.recorders: Final[list[Recorder]] = []
        self._companions: list[Companion] = []
        self._clock = clock
        self._lines = _Lines()
        self.dropped: Final = DropLedger()
        self._ports: list[_AuthenticationPort | _AccountingPort] = []
        self.auth: Final = RadiusServer((), "auth")
        self.acct: Final = RadiusServer((), "acct")
        self.listeners: Final[list[tuple[RadiusServer, RadiusListener]]] = []
        try:
            for number, host in enumerate(hosts):
                # alone, `::` takes IPv4 as well, as people expect of it
                dual_stack = len(hosts) == 1
                descriptor = descriptors[number] if descriptors else None
                if "auth" in ports:
                    self._bind(self.auth, host, auth_port, dual_stack=dual_stack, descriptor=descriptor)
                if "acct" in ports:
                    self._bind(self.acct, host, acct_port, dual_stack=dual_stack)
        except BaseException:
            self.close()
            raise

    def _bind(
        self, server: RadiusServer, host: str, port: int, *, dual_stack: bool, descriptor: int | None = None
    ) -> None:
        take = self._authentication() if server is self.auth else self._accounting()
        take.listener = listener = RadiusListener(
            host,
            port,
            take,
            name=f"radius {server.kind}",
            on_failure=server.forget_datagram,
            has_begun=server.has_begun,
            on_overload=partial(self._overloaded, server),
            on_copy=server.copied,
            dual_stack=dual_stack,
            descriptor=descriptor,
        )
        self.listeners.append((server, listener))
        self._ports.append(take)

    def _overloaded(self, server: RadiusServer, datagram: bytes, source: Source) -> None:
        drop = server.overloaded(datagram, source)
        self._otherwise(drop, datagram, server.kind, self._clock.monotonic())

    def _authentication(self) -> "_AuthenticationPort":
        return _AuthenticationPort(self.auth, self._authenticate, self._clock, self._otherwise)

    def _accounting(self) -> "_AccountingPort":
        port = _AccountingPort(self.acct, self._otherwise)
        port.recorder = self._recorder_for(respond=port.respond, forget=self.acct.forget)
        self.recorders.append(port.recorder)
        return port

    @property
    def clients(self) -> ClientTable:
        """The NAS table in force on both ports."""
        return self.auth.clients

    @clients.setter
    def clients(self, clients: ClientTable) -> None:
        self.auth.clients = clients
        self.acct.clients = clients
        for companion in self._companions:
            companion.clients = clients

    def take_along(self, companion: Companion) -> None:
        """Have another port follow this edge."""
        self._companions.append(companion)
        self.recorders.append(companion.recorder)
        companion.clients = self.clients

    def start(self) -> None:
        """Begin to receive."""
        for _, listener in self.listeners:
            listener.start()

    def log_ins_wait(self) -> bool:
        """Tell whether more Access-Requests arrive at this moment than are answered at once."""
        return any(listener.is_busy for server, listener in self.listeners if server is self.auth)

    def stop(self) -> None:
        """Receive no more; answers under way still go out."""
        for _, listener in self.listeners:
            listener.stop()
        for companion in self._companions:
            companion.stop()

    def close(self) -> None:
        """Give the ports back."""
        for _, listener in self.listeners:
            listener.close()
        for companion in self._companions:
            companion.close()

    def take_learned(self) -> set[UUID]:
        """Return, once, the NAS that newly proved to send Message-Authenticator."""
        return self.auth.take_learned()

    def watch(self, trace: PacketTrace | None) -> None:
        """Show every packet of both ports to `trace` from now on; to nobody for None."""
        for port in (*self._ports, *self._companions):
            port.trace = trace

    # -- the hot paths -------------------------------------------------------------------------------------------------

    def _otherwise(self, outcome: Replay | Drop, datagram: bytes, port: str, now_mono: float) -> bytes | None:
        if isinstance(outcome, Replay):
            return outcome.reply
        self._lines.note(outcome, now_mono)
        self.dropped.note(outcome, datagram, port, self._clock.now(), now_mono)
        return None


class _AuthenticationPort:
    """One authentication socket: most requests are answered at once, some once an address is taken for good."""

    listener: RadiusListener

    def __init__(
        self,
        server: RadiusServer,
        authenticate: Authenticate,
        clock: SystemClock,
        otherwise: "_Otherwise",
    ) -> None:
        self.trace: PacketTrace | None = None
        self._server = server
        self._authenticate = authenticate
        self._clock = clock
        self._otherwise = otherwise

    def __call__(self, datagram: bytes, source: Source, arrived_mono: float) -> bytes | None:
        outcome = self._server.receive(datagram, source, arrived_mono)
        reply: bytes | None = None
        if isinstance(outcome, Request):
            if outcome.packet.code == _STATUS_SERVER:
                reply = self._server.respond(outcome, 0)
            else:
                decision = self._authenticate.handle(outcome, self._clock.now(), partial(self._answer, outcome))
                if decision is not None:
                    reply = self._server.respond(outcome, decision.code, decision.attributes)
        else:
            reply = self._otherwise(outcome, datagram, "auth", arrived_mono)
        if self.trace is not None:
            self.trace.saw("auth", datagram, source, outcome, reply)
        return reply

    def _answer(self, request: Request, decision: Decision) -> None:
        reply = self._server.respond(request, decision.code, decision.attributes)
        self.listener.send(reply, request.source)
        if self.trace is not None:
            self.trace.answered("auth", request, reply)


class _AccountingPort:
    """One accounting socket: requests go to its recorder, which answers later by the same socket."""

    listener: RadiusListener
    recorder: Recorder

    def __init__(self, server: RadiusServer, otherwise: "_Otherwise") -> None:
        self.trace: PacketTrace | None = None
        self._server = server
        self._otherwise = otherwise

    def __call__(self, datagram: bytes, source: Source, arrived_mono: float) -> bytes | None:
        outcome = self._server.receive(datagram, source, arrived_mono)
        if self.trace is not None:  # before it is recorded: its answer may go out at once
            self.trace.saw("acct", datagram, source, outcome, outcome.reply if isinstance(outcome, Replay) else None)
        if isinstance(outcome, Request):
            self.recorder.handle(outcome)
            return None
        return self._otherwise(outcome, datagram, "acct", arrived_mono)

    def respond(self, request: Request) -> None:
        reply = self._server.respond(request, _ACCOUNTING_RESPONSE)
        self.listener.send(reply, request.source)
        if self.trace is not None:
            self.trace.answered("acct", request, reply)


class _Otherwise(Protocol):
    """What becomes of a datagram that is no new request."""

    def __call__(self, outcome: Replay | Drop, datagram: bytes, port: str, now_mono: float) -> bytes | None: ...


class _Lines:
    """One log line a minute for each source and fault worth one."""

    def __init__(self) -> None:
        self._log = SparingLog()

    def note(self, drop: Drop, now_mono: float) -> None:
        advice = _WORTH_A_LINE.get(drop.reason)
        if advice is None or not self._log.is_due((drop.source[0], drop.reason), now_mono):
            return
        name = drop.client.name if drop.client else None
        logger.warning(
            "packets from %s are dropped: %s", drop.source[0], advice, extra={"event": str(drop.reason), "nas": name}
        )
