"""Log-ins before `Admit` with simulated time, and accounting as the meter would hand it on."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from netbilld.accounting.session import Session, SessionState
from netbilld.accounting.stale import SilencePolicy
from netbilld.model.service_lock import LockKind
from netbilld.radius.access import AccessView, Decision
from netbilld.radius.attributes import CALLING_STATION_ID, NAS_PORT_ID
from netbilld.radius.codes import Code
from netbilld.radius.server import Request
from netbilld.radius.terms import AccessTerms
from netbilld.services.admission import Admit
from netbilld.services.authenticate import Admission
from netbilld.services.keep_admissions import KeepAdmissions
from netbilld.services.learned_locks import LearnedLocks
from netbilld.services.live_sessions import LiveSessions
from netbilld.services.reply_messages import admission_message
from tests.builders.sessions import session
from tests.clock import SteppedClock
from tests.radius_requests import NAS_ID, accepted, access_request, client

T0 = datetime(2026, 3, 10, 3, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Jakarta
SERVICE = UUID(int=7)
POP1, POP2 = NAS_ID, UUID(int=2)
NAMES: Mapping[UUID, str] = {POP1: "pop1", POP2: "pop2"}
A, B, C = "BC:24:11:00:00:0A", "BC:24:11:00:00:0B", "BC:24:11:00:00:0C"


class Desk:
    def __init__(self, terms: AccessTerms, addresses: Admission | None = None) -> None:
        self.clock = SteppedClock(T0)
        self.terms = terms
        self.walled: str | None = None
        self.learned = LearnedLocks()
        self.hearing_since = T0 - timedelta(days=1)
        self.ordered: list[int] = []
        self.late: list[Decision] = []
        silence = SilencePolicy(300, 900)
        self.live = LiveSessions(silence)
        self.admit = Admit(
            self.live,
            self.learned,
            silence,
            lambda: self.hearing_since,
            bytes,
            NAMES.__getitem__,
            lambda _service, reason: admission_message(reason, "en"),
            addresses,
        )
        self.keep = KeepAdmissions(
            None,  # type: ignore[arg-type]  # no store: what is to be written stays where it waits
            UUID(int=9),
            self.clock,
            self.admit,
            self.live,
            self.learned,
            silence,
            lambda: self.hearing_since,
            lambda _service: self.terms,
            self.ordered.extend,
            lambda: None,
        )
        self.sessions: dict[int, Session] = {}

    def wait(self, seconds: float) -> None:
        self.clock.pass_time(seconds=seconds)

    def ask(self, mac: str | None = A, nas: UUID = POP1, port: str | None = None, vendor: str = "mikrotik") -> Request:
        pairs = [] if mac is None else [(CALLING_STATION_ID, mac.encode())]
        if port is not None:
            pairs.append((NAS_PORT_ID, port.encode()))
        return accepted(access_request(pairs), client(nas_id=nas, name=NAMES[nas], vendor=vendor))

    def log_in_or_wait(self, *asked: object, **more: object) -> Decision | None:
        view = AccessView("budi", "password", b"", b"", SERVICE, {"mikrotik": b""}, None, b"", self.terms, self.walled)
        decision = Decision(int(Code.ACCESS_ACCEPT), b"", "ok", "pap")
        request = self.ask(*asked, **more)  # type: ignore[arg-type]
        return self.admit.admit(view, request, decision, self.clock.at, self.late.append)

    def log_in(self, *asked: object, **more: object) -> Decision:
        decision = self.log_in_or_wait(*asked, **more)
        assert decision is not None
        return decision

    def reason(self, *asked: object, **more: object) -> str:
        return self.log_in(*asked, **more).reason

    def start(self, number: int, mac: str | None = A, nas: UUID = POP1, port: str | None = None) -> None:
        """Let the meter hear a Start."""
        now = self.clock.at
        self.sessions[number] = session(
            id=number,
            nas_id=nas,
            service_id=SERVICE,
            acct_session_id=str(number),
            acct_session_key=str(number),
            state=SessionState.STARTING,
            mac=mac,
            nas_port_id=port,
            started_at=now,
            updated_at=now,
        )
        self.keep.metered([self.sessions[number]], {number})

    def _now(self, number: int, **changes: object) -> None:
        self.sessions[number] = self.sessions[number]._replace(**changes)  # type: ignore[arg-type]
        self.keep.metered([self.sessions[number]], ())

    def report(self, number: int) -> None:
        """Let the meter hear an interim; a session that was presumed over is open again."""
        self._now(number, updated_at=self.clock.at, state=SessionState.LIVE, stopped_at=None)

    def stop(self, number: int) -> None:
        """Let the meter hear a Stop, or whatever else ends a session."""
        self._now(number, stopped_at=self.clock.at, state=SessionState.CLOSED)

    def to_end(self) -> list[int]:
        """Return the sessions that are to be asked to end, and forget that."""
        return [order.session.id or 0 for order in self.admit.take_ends(1000)]

    def lessons(self) -> dict[LockKind, str]:
        """Return what waits to be written, as if it was written."""
        return {lesson.kind: lesson.value for lesson in self.learned.take(1000)}
