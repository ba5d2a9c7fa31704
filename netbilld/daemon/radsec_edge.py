"""The RadSec port: packets of both kinds over one connection, handled as on UDP (RFC 6614)."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.nas.radsec_orders import ANSWERS, OrderChannel
from netbilld.adapters.radsec import Closed, RadsecConnection, RadsecLimits, RadsecListener
from netbilld.adapters.radsec_tls import TlsContexts
from netbilld.daemon.drop_ledger import DropLedger
from netbilld.daemon.packet_trace import PacketTrace
from netbilld.daemon.radius_edge import Recorder, RecorderFactory
from netbilld.model.errors import NetbilldError
from netbilld.radius.access import Decision
from netbilld.radius.clients import Client, ClientTable
from netbilld.radius.codes import Code
from netbilld.radius.radsec import PeerRefusal, identify, names_known
from netbilld.radius.server import Drop, DropReason, RadiusServer, Replay, Request, Source
from netbilld.services.authenticate import Authenticate
from netbilld.services.sparing_log import SparingLog

_PORT: Final = "radsec"
_ACCOUNTING_REQUEST: Final = int(Code.ACCOUNTING_REQUEST)
_ACCOUNTING_RESPONSE: Final = int(Code.ACCOUNTING_RESPONSE)
_STATUS_SERVER: Final = int(Code.STATUS_SERVER)
# RFC 6613 §2.6.4: after these the connection can't be trusted; other drops are silence, as on UDP
_ENDS: Final = {
    DropReason.MALFORMED: Closed.MALFORMED,
    DropReason.BAD_AUTHENTICATOR: Closed.UNAUTHENTIC,
    DropReason.BAD_MESSAGE_AUTHENTICATOR: Closed.UNAUTHENTIC,
    DropReason.MESSAGE_AUTHENTICATOR_MISSING: Closed.UNAUTHENTIC,
}
_REFUSALS: Final = {PeerRefusal.UNKNOWN_CLIENT: Closed.UNKNOWN_CLIENT}
_ADVICE: Final = {
    Closed.UNKNOWN_CLIENT: "no NAS has this address or certificate: `netbilld nas add NAME ADDRESS …`",
    Closed.TOO_MANY: "too many connections are open: see radius.radsec_connections",
}
logger = logging.getLogger("netbilld.radius")


class _Peer:
    """A NAS on its connection: what was answered here is forgotten with it (RFC 6613 §2.6.1)."""

    __slots__ = ("acct", "auth", "client", "connection", "orders")

    def __init__(self, client: Client, connection: RadsecConnection, orders: OrderChannel) -> None:
        self.client = client
        self.connection = connection
        self.orders = orders
        self.auth = RadiusServer((client,), "auth")
        self.acct = RadiusServer((client,), "acct")

    def server_for(self, code: int) -> RadiusServer:
        return self.acct if code == _ACCOUNTING_REQUEST else self.auth


class RadsecTotals:
    """What ended connections have counted, and those that live."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.replays: Counter[str] = Counter()
        self.drops: Counter[tuple[str, DropReason]] = Counter()

    def add(self, peer: _Peer) -> None:
        """Add what one connection has counted."""
        for server in (peer.auth, peer.acct):
            self.requests[server.kind] += server.requests
            self.replays[server.kind] += server.replays
            for reason, count in server.drops.items():
                self.drops[server.kind, reason] += count


class RadsecEdge:
    """The RadSec listener, who is connected, and what becomes of their packets; a `RadsecHandler`."""

    def __init__(
        self,
        hosts: Sequence[str],
        port: int,
        contexts: TlsContexts,
        authenticate: Authenticate,
        recorder_for: RecorderFactory,
        clock: SystemClock,
        entropy: Callable[[int], bytes],
        limits: RadsecLimits,
        ledger: DropLedger,
    ) -> None:
        """Bind the port; nobody is let in before `keep_open` finds the certificates usable.

        Raises:
            NetbilldError: the port is in use, or an address is not this host's.
        """
        self._authenticate = authenticate
        self._clock = clock
        self._entropy = entropy
        self._contexts = contexts
        self._clients = ClientTable(())
        self._strangers_may_call = False
        self._peers: dict[Source, _Peer] = {}
        self._ended = RadsecTotals()
        self._lines = SparingLog()
        self._trouble: str | None = None
        self._ledger = ledger
        self.trace: PacketTrace | None = None
        self.recorder: Final[Recorder] = recorder_for(respond=self._respond, forget=self._forget)
        self.listener: Final = RadsecListener(hosts, port, contexts, self, limits, clock.now)

    # -- life ----------------------------------------------------------------------------------------------------------

    @property
    def trouble(self) -> str | None:
        """Why nobody is let in; None while connections are taken."""
        return self._trouble

    async def keep_open(self) -> None:
        """Let connections in, unless the certificates can't be used: then say so, once; to be called now and then."""
        if self.listener.is_open or self.listener.is_stopping:
            return
        try:
            findings = self._contexts.load()
            await self.listener.open()
        except NetbilldError as error:
            if str(error) != self._trouble:
                logger.error("RadSec is not started: %s", error, extra={"event": "radsec_not_started"})  # noqa: TRY400 - the line says all
            self._trouble = str(error)
            return
        for finding in findings:
            logger.warning("%s; %s", finding.message, finding.hint, extra={"event": "certificate"})
        logger.info("RadSec listens on port %d", self.listener.port, extra={"event": "radsec_started"})
        self._trouble = None

    def stop(self) -> None:
        """Receive no more; answers under way still go out."""
        self.listener.stop()

    def close(self) -> None:
        """End every connection and give the port back."""
        self.listener.close()

    @property
    def clients(self) -> ClientTable:
        """The NAS table in force."""
        return self._clients

    @clients.setter
    def clients(self, clients: ClientTable) -> None:
        self._clients = clients
        self._strangers_may_call = names_known(clients)
        for peer in list(self._peers.values()):
            found = self._identify(peer.connection)
            if not isinstance(found, Client) or found.nas_id != peer.client.nas_id:
                peer.connection.end(Closed.NAS_CHANGED)
            elif found != peer.client:
                peer.client = found
                peer.auth.clients = peer.acct.clients = ClientTable((found,))

    # -- what is asked of it -------------------------------------------------------------------------------------------

    @property
    def connected(self) -> int:
        """How many connections of known NAS are open."""
        return len(self._peers)

    def totals(self) -> RadsecTotals:
        """Return what all connections have counted since the start."""
        totals = RadsecTotals()
        totals.requests.update(self._ended.requests)
        totals.replays.update(self._ended.replays)
        totals.drops.update(self._ended.drops)
        for peer in self._peers.values():
            totals.add(peer)
        return totals

    def channel_of(self, nas_id: UUID) -> OrderChannel | None:
        """Return the way to a NAS over the connection it used last; None where it has none."""
        mine = [peer for peer in self._peers.values() if peer.client.nas_id == nas_id]
        return max(mine, key=lambda peer: peer.connection.last_frame_mono).orders if mine else None

    # -- called by connections -----------------------------------------------------------------------------------------

    def expects(self, host: str) -> bool | None:
        """Tell whether a NAS has this address; None where its certificate alone can say."""
        if self._clients.find(host) is not None:
            return True
        return None if self._strangers_may_call else False

    def opened(self, connection: RadsecConnection) -> Closed | None:
        """Take on a connection whose certificate is a NAS's."""
        host = connection.source[0]
        found = self._identify(connection)
        if isinstance(found, PeerRefusal):
            why = _REFUSALS.get(found, Closed.OTHER_CERTIFICATE)
            self.refused(host, why, self._why_not(found, connection))
            return why
        orders = OrderChannel(connection.send, self._entropy(1)[0])
        self._peers[connection.source] = _Peer(found, connection, orders)
        if self._lines.is_due(("connected", found.nas_id), self._clock.monotonic()):
            logger.info("NAS %s is connected by RadSec from %s", found.name, host, extra={"event": "radsec_connected"})
        return None

    def frame(self, connection: RadsecConnection, frame: bytes, arrived_mono: float) -> bytes | Closed | None:
        """Return the answer to a packet, as on the UDP port of its kind."""
        peer = self._peers[connection.source]
        code = frame[0]
        if code in ANSWERS:
            peer.orders.receive(frame)
            return None
        server = peer.server_for(code)
        outcome = server.receive(frame, connection.source, arrived_mono)
        if isinstance(outcome, Request) and code == _ACCOUNTING_REQUEST:
            if self.trace is not None:  # before it is recorded: its answer may go out at once
                self.trace.saw(_PORT, frame, connection.source, outcome, None)
            self.recorder.handle(outcome)
            return None
        reply: bytes | Closed | None
        if isinstance(outcome, Request):
            reply = self._reply(server, outcome)
        elif isinstance(outcome, Replay):
            reply = outcome.reply
        else:
            reply = self._dropped(outcome, frame, arrived_mono)
        if self.trace is not None:
            self.trace.saw(_PORT, frame, connection.source, outcome, reply if isinstance(reply, bytes) else None)
        return reply

    def failed(self, connection: RadsecConnection, frame: bytes, error: Exception) -> None:
        """Forget a packet that failed half-way, and say so."""
        if (peer := self._peers.get(connection.source)) is not None:
            peer.server_for(frame[0]).forget_datagram(frame, connection.source)
        if self._lines.is_due("failed", self._clock.monotonic()):
            logger.error(
                "working on a RadSec packet from %s failed: %s",
                connection.source[0],
                type(error).__name__,
                exc_info=error,
            )

    def closed(self, connection: RadsecConnection) -> None:
        """Let go of a connection."""
        if (peer := self._peers.pop(connection.source, None)) is not None:
            peer.orders.close()
            self._ended.add(peer)

    def refused(self, host: str, why: Closed, detail: str) -> None:
        """Say, once a minute, why a peer was turned away."""
        if self._lines.is_due((host, why), self._clock.monotonic()):
            said = detail or _ADVICE.get(why, why.value)
            logger.warning("RadSec from %s is refused: %s", host, said, extra={"event": f"radsec_{why.value}"})

    def _identify(self, connection: RadsecConnection) -> Client | PeerRefusal:
        return identify(self._clients, connection.certificate, connection.source[0], self._is_subscriber)

    def _is_subscriber(self, name: str) -> bool:
        return self._authenticate.certified(name.encode(), self._clock.now()) is not None

    def _why_not(self, found: PeerRefusal, connection: RadsecConnection) -> str:
        """Return what a person has to know of a certificate that is not the NAS's."""
        shown = ", ".join(sorted(connection.certificate.names)) or "nobody"
        if found is PeerRefusal.SUBSCRIBERS:
            return f"its certificate, for {shown}, is a subscriber's: it is for EAP"
        if found is PeerRefusal.AMBIGUOUS:
            return (
                f"its certificate, for {shown}, doesn't say whose it is, and a subscriber has such a name: "
                "`netbilld certs issue NAME --use radsec --renew`"
            )
        if found is PeerRefusal.SHARED_ADDRESS:
            return f"several NAS have its address, and its certificate, for {shown}, is not for the name of just one"
        nas = self._clients.find(connection.source[0])
        if found is PeerRefusal.UNKNOWN_CLIENT or nas is None:
            return ""
        return f"its certificate is for {shown}: if that is right, `netbilld nas set {nas.name} --radsec-name …`"

    # -- answers -------------------------------------------------------------------------------------------------------

    def _reply(self, server: RadiusServer, request: Request) -> bytes | None:
        if request.packet.code == _STATUS_SERVER:
            return server.respond(request, 0)
        decision = self._authenticate.handle(request, self._clock.now(), partial(self._answer, request))
        return None if decision is None else server.respond(request, decision.code, decision.attributes)

    def _dropped(self, drop: Drop, frame: bytes, now_mono: float) -> Closed | None:
        self._ledger.note(drop, frame, _PORT, self._clock.now(), now_mono)
        why = _ENDS.get(drop.reason)
        if why is not None:
            said = f"{drop.reason.replace('_', ' ')} {drop.detail}".strip()
            self.refused(drop.source[0], why, f"a packet is not believed: {said}")
        return why

    def _answer(self, request: Request, decision: Decision) -> None:
        if (peer := self._peers.get(request.source)) is not None:
            self._send(peer, request, peer.auth.respond(request, decision.code, decision.attributes))

    def _respond(self, request: Request) -> None:
        if (peer := self._peers.get(request.source)) is not None:
            self._send(peer, request, peer.acct.respond(request, _ACCOUNTING_RESPONSE))

    def _send(self, peer: _Peer, request: Request, reply: bytes) -> None:
        peer.connection.send(reply)
        if self.trace is not None:
            self.trace.answered(_PORT, request, reply)

    def _forget(self, request: Request) -> None:
        if (peer := self._peers.get(request.source)) is not None:
            peer.acct.forget(request)
