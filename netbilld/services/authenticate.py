"""Access-Request to reply, from memory: no database and no log line on this path."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from netbilld.radius.access import ENTROPY_OCTETS, AccessView, Decision, Reason, decide, proven, refuse
from netbilld.radius.attributes import CALLING_STATION_ID, EAP_MESSAGE, USER_NAME
from netbilld.radius.codes import Code
from netbilld.radius.eap import EapOutcome, Left, failure_for
from netbilld.radius.login_forms import circuit_names
from netbilld.radius.realms import ANY_REALM, Realms
from netbilld.radius.server import Request
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.attempt_buffer import AttemptBuffer, LoginAttempt
from netbilld.services.slow_guessers import SlowGuessers

_RESULTS: Final = {
    int(Code.ACCESS_ACCEPT): "accept",
    int(Code.ACCESS_REJECT): "reject",
    int(Code.ACCESS_CHALLENGE): "challenge",
}
_ACCEPT: Final = int(Code.ACCESS_ACCEPT)
_REJECT: Final = int(Code.ACCESS_REJECT)
_OUTER_NAME: Final = "the name outside is another subscriber's"
_ANY_REALM: Final = Realms.of((ANY_REALM,))

# Takes a decision that was made later than its request was handled.
Answer = Callable[[Decision], None]


class EapServer(Protocol):
    """Carries on the conversation an Access-Request with EAP-Message belongs to."""

    def handle(self, request: Request, find: Callable[[bytes], AccessView | None]) -> EapOutcome | None:
        """Return a Challenge, Accept or Reject, and whom it is about as far as it is known; None for silence."""
        ...

    def take_left(self) -> list[Left]:
        """Return, once, the log-ins whose device fell silent half-way."""
        ...


class Admission(Protocol):
    """Decides, once credentials are right and the service may come in, whether this log-in may."""

    def admit(
        self, view: AccessView, request: Request, decision: Decision, now: datetime, answer: Answer
    ) -> Decision | None:
        """Return the decision, changed where a limit, lock or address asks for it; None if `answer` is called later."""
        ...


class Authenticate:
    """Answers Access-Requests.

    Args:
        directory: who may log in.
        attempts: where each attempt is noted.
        entropy: gives that many unpredictable octets.
        monotonic: the clock that `Request.arrived_mono` was read from.
        eap: answers what carries EAP-Message; None refuses it.
        admission: asked about services with `AccessView.terms`; None lets them in.
        realms: which realms a name may be looked up without.
        guessers: slows those who guess passwords; None slows nobody.
    """

    def __init__(
        self,
        directory: AccessDirectory,
        attempts: AttemptBuffer,
        entropy: Callable[[int], bytes],
        monotonic: Callable[[], float],
        *,
        eap: EapServer | None = None,
        admission: Admission | None = None,
        realms: Realms = _ANY_REALM,
        guessers: SlowGuessers | None = None,
    ) -> None:
        self._directory = directory
        self._attempts = attempts
        self._entropy = entropy
        self._monotonic = monotonic
        self._eap = eap
        self._admission = admission
        self._realms = realms
        self._guessers = guessers
        self.accepts = 0
        self.rejects = 0
        self.challenges = 0

    def handle(self, request: Request, now: datetime, answer: Answer) -> Decision | None:
        """Return the answer to a verified Access-Request, and note the attempt.

        None means that it waits for something, such as an address being taken for good or a guesser's delay, and
        `answer` is then called, once; or that EAP wants silence.
        """
        attributes = request.packet.attributes
        guessers = self._guessers
        view: AccessView | None
        name = attributes.get(USER_NAME, b"")
        if self._eap is not None and EAP_MESSAGE in attributes:

            def find(inner: bytes) -> AccessView | None:
                found = self._named(inner, request, now)
                if found is None or guessers is None or guessers.may_try(request, inner, found):
                    return found
                # nothing a peer says will be right, nor tell that it was; a resumed session is not believed either
                return replace(found, password=self._entropy(16), nt_hash=self._entropy(16), barred=True)

            outcome = self._eap.handle(request, find)
            for left in self._eap.take_left():
                self._note_left(left, now)
            if outcome is None:
                return None
            decision, view, name = outcome.decision, outcome.view, outcome.identity or name
            # what is tried counts as soon as it is told: a guesser who knows enough hangs up before the Reject
            if (
                (told := outcome.told) is not None
                and guessers is not None
                and guessers.rejected(request, name, told.view, told.reason, partial(answer, decision))
            ):
                self._note(request, name, view, decision, now)
                return None
            if decision.code == _ACCEPT and view is not None:
                decision = self._believed(request, view, decision, now)
            was_told = outcome.was_told
        else:
            was_told = False
            view = self._find(name, request, now)
            if guessers is None or guessers.may_try(request, name, view):
                decision = decide(request, view, self._entropy(ENTROPY_OCTETS))
                if decision.for_router:
                    view = None
            else:
                decision = refuse(request, Reason.TOO_MANY_TRIES, self._entropy(ENTROPY_OCTETS))
        if guessers is not None:
            if decision.code == _REJECT:
                if not was_told and guessers.rejected(request, name, view, decision.reason, partial(answer, decision)):
                    self._note(request, name, view, decision, now)
                    return None
            elif view is not None and decision.code == _ACCEPT:
                guessers.accepted(request, view)
        if view is not None and view.limits is not None and decision.code == _ACCEPT:
            decision.attributes += view.limits(request, now)
        if view is not None and view.terms is not None and self._admission is not None and decision.code == _ACCEPT:

            def later(admitted: Decision) -> None:
                _say_in_eap(request, admitted)
                self._note(request, name, view, admitted, now)
                answer(admitted)

            admitted = self._admission.admit(view, request, decision, now, later)
            if admitted is None:
                return None
            _say_in_eap(request, admitted)
            decision = admitted
        self._note(request, name, view, decision, now)
        return decision

    def _believed(self, request: Request, view: AccessView, decision: Decision, now: datetime) -> Decision:
        """Return an Accept by EAP, or a refusal where what the NAS reports speaks against it."""
        reason, detail = Reason.OK, None
        if self._is_anothers_name(request, view, now):
            reason, detail = Reason.EAP_FAILED, _OUTER_NAME
        elif view.kind != "password" and decision.method != "eap-tls":  # a certificate proves by itself
            reason = proven(request.packet, view)
        if reason is Reason.OK:
            return decision
        return Decision(_REJECT, failure_for(request.packet), reason, decision.method, detail)

    def _is_anothers_name(self, request: Request, view: AccessView, now: datetime) -> bool:
        """Tell whether the name outside a tunnel is of somebody else, whom a NAS would have accounting for."""
        outer = self._named(request.packet.attributes.get(USER_NAME, b""), request, now)
        return outer is not None and outer.service_id != view.service_id

    def _named(self, user_name: bytes, request: Request, now: datetime) -> AccessView | None:
        """Return whom a name as typed leads to, else without its realm."""
        found = self._directory.find(user_name, now)
        if found is not None:
            return found
        for name in self._realms.other_names(user_name, request.packet.attributes):
            if (found := self._directory.find(name, now)) is not None:
                return found
        return None

    def _find(self, user_name: bytes, request: Request, now: datetime) -> AccessView | None:
        """Return whom a name leads to, else the line the request came by."""
        found = self._named(user_name, request, now)
        if found is not None:
            return found
        for circuit in circuit_names(request.packet):
            if (found := self._directory.find(circuit.encode(), now)) is not None:
                return found
        return None

    def _note_left(self, left: Left, now: datetime) -> None:
        refused = left.refused
        reason = Reason.EAP_FAILED if refused is None else refused.reason
        service_id = None if refused is None or refused.view is None else refused.view.service_id
        result = "challenge" if refused is None else "reject"
        self._attempts.append(
            LoginAttempt(
                now, left.nas_id, left.identity, service_id, left.method, result, reason, 0, left.station, left.detail
            )
        )

    def _note(self, request: Request, name: bytes, view: AccessView | None, decision: Decision, now: datetime) -> None:
        result = _RESULTS[decision.code]
        if result == "accept":
            self.accepts += 1
        elif result == "reject":
            self.rejects += 1
        else:
            self.challenges += 1
            return  # a step on the way: its end is noted
        attributes = request.packet.attributes
        self._attempts.append(
            LoginAttempt(
                now,
                request.client.nas_id,
                name,
                None if view is None else view.service_id,
                decision.method,
                result,
                decision.reason,
                int((self._monotonic() - request.arrived_mono) * 1_000_000),
                attributes.get(CALLING_STATION_ID),
                decision.detail,
            )
        )


def _say_in_eap(request: Request, admitted: Decision) -> None:
    """Let a refusal by admission end the EAP conversation too (RFC 3579 §2.6.3, §2.6.5)."""
    if admitted.code == _REJECT and EAP_MESSAGE in request.packet.attributes:
        admitted.attributes = failure_for(request.packet)
