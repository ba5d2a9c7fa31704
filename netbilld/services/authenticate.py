"""Access-Request to reply, from memory: no database and no log line on this path."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from netbilld.radius.access import AccessView, Decision, Entropy, Reason, decide, proven, refuse
from netbilld.radius.attributes import CALLING_STATION_ID, EAP_MESSAGE, USER_NAME
from netbilld.radius.codes import Code
from netbilld.radius.eap import EapOutcome, Find, Left, failure_for
from netbilld.radius.login_forms import circuit_names
from netbilld.radius.realms import ANY_REALM, Realms
from netbilld.radius.server import Request
from netbilld.radius.typed_codes import is_own_password, is_written_in_groups, plain_code
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.attempt_buffer import AttemptBuffer, LoginAttempt
from netbilld.services.slow_guessers import SlowGuessers

_ACCEPT: Final = int(Code.ACCESS_ACCEPT)
_REJECT: Final = int(Code.ACCESS_REJECT)
_OUTER_NAME: Final = "the name outside is another subscriber's"
_ANY_REALM: Final = Realms.of((ANY_REALM,))

# Takes a decision that was made later than its request was handled.
Answer = Callable[[Decision], None]


class EapServer(Protocol):
    """Carries on the conversation an Access-Request with EAP-Message belongs to."""

    def handle(self, request: Request, find: Find, find_certified: Find) -> EapOutcome | None:
        """Return a Challenge, Accept or Reject, and whom it is about as far as it is known; None for silence.

        `find` leads from a name somebody says to its credential, `find_certified` from a name in his certificate.
        """
        ...

    def forget_silent(self, now_mono: float) -> None:
        """Give up conversations whose device fell silent."""
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
        entropy: Entropy,
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
        self._named_realms = realms.named
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
        if EAP_MESSAGE in attributes and self._eap is not None:
            return self._handle_eap(self._eap, request, now, answer)
        name = attributes.get(USER_NAME, b"")
        view = self._directory.find(name, now) or self._find_otherwise(name, request, now)
        guessers = self._guessers
        if guessers is None or guessers.may_try(request, name, view):
            decision = decide(request, view, self._entropy)
            if decision.for_router:
                view = None
        else:
            decision = refuse(request, Reason.TOO_MANY_TRIES, self._entropy)
        return self._conclude(request, name, view, decision, now, answer)

    def _handle_eap(self, eap: EapServer, request: Request, now: datetime, answer: Answer) -> Decision | None:
        guessers = self._guessers

        def tried(inner: bytes, found: AccessView | None) -> AccessView | None:
            if found is None or guessers is None or guessers.may_try(request, inner, found):
                return found
            return replace(found, barred=True)

        def find(inner: bytes) -> AccessView | None:
            return tried(inner, self._named(inner, request, now))

        def find_certified(inner: bytes) -> AccessView | None:
            return tried(inner, self.certified(inner, now))

        outcome = eap.handle(request, find, find_certified)
        for left in eap.take_left():
            self._note_left(left, now)
        if outcome is None:
            return None
        decision, view = outcome.decision, outcome.view
        name = outcome.identity or request.packet.attributes.get(USER_NAME, b"")
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
        return self._conclude(request, name, view, decision, now, answer, was_told=outcome.was_told)

    def _conclude(
        self,
        request: Request,
        name: bytes,
        view: AccessView | None,
        decision: Decision,
        now: datetime,
        answer: Answer,
        *,
        was_told: bool = False,
    ) -> Decision | None:
        """Take the credentials for right or wrong as decided, and ask admission about right ones."""
        guessers = self._guessers
        if decision.code == _REJECT:
            if (
                guessers is not None
                and not was_told
                and guessers.rejected(request, name, view, decision.reason, partial(answer, decision))
            ):
                self._note(request, name, view, decision, now)
                return None
        elif view is not None and decision.code == _ACCEPT:
            if guessers is not None:
                guessers.accepted(request, view)
            if view.limits is not None:
                decision.attributes += view.limits(request, now)
            if view.terms is not None and self._admission is not None:
                later = partial(self._answer_admitted, request, name, view, now, answer)
                admitted = self._admission.admit(view, request, decision, now, later)
                return None if admitted is None else self._admitted(request, name, view, now, admitted)
        self._note(request, name, view, decision, now)
        return decision

    def _answer_admitted(
        self, request: Request, name: bytes, view: AccessView, now: datetime, answer: Answer, admitted: Decision
    ) -> None:
        answer(self._admitted(request, name, view, now, admitted))

    def _admitted(self, request: Request, name: bytes, view: AccessView, now: datetime, admitted: Decision) -> Decision:
        """Note what admission decided, and let its refusal end the EAP conversation too (RFC 3579 §2.6.3, §2.6.5)."""
        if admitted.code == _REJECT and admitted.method.startswith("eap"):
            admitted.attributes = failure_for(request.packet)
        self._note(request, name, view, admitted, now)
        return admitted

    def forget_silent(self, now: datetime) -> None:
        """Give up and note what fell silent half-way; to be called now and then, as no packet tells of it."""
        if self._eap is not None:
            self._eap.forget_silent(self._monotonic())
            for left in self._eap.take_left():
                self._note_left(left, now)

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
        return self._directory.find(user_name, now) or self._find_by_realm(user_name, request, now)

    def _find_by_realm(self, user_name: bytes, request: Request, now: datetime) -> AccessView | None:
        for name in self._realms.other_names(user_name, request.packet.attributes):
            if (found := self._directory.find(name, now)) is not None:
                return found
        return None

    def certified(self, name: bytes, now: datetime) -> AccessView | None:
        """Return whom a name in a certificate leads to: it is the whole proof, so only a realm that is named comes off.

        What the NAS reports beside it is the device's choice, and adds nothing to a name.
        """
        return self._directory.find(name, now) or next(
            (
                found
                for other in self._named_realms.other_names(name, {})
                if (found := self._directory.find(other, now)) is not None
            ),
            None,
        )

    def _find_otherwise(self, user_name: bytes, request: Request, now: datetime) -> AccessView | None:
        """Return whom a name that nobody has leads to: without its realm, else by the line the request came by.

        A code may be typed in groups as it is printed; no other name may.
        """
        if (found := self._find_by_realm(user_name, request, now)) is not None:
            return found
        if is_written_in_groups(user_name):
            found = self._directory.find(plain_code(user_name), now)
            if found is not None and found.kind == "password" and is_own_password(found.name, found.password):
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
        code = decision.code
        if code == _ACCEPT:
            self.accepts += 1
        elif code == _REJECT:
            self.rejects += 1
        else:
            self.challenges += 1
            return  # a step on the way: its end is noted
        self._attempts.append(
            LoginAttempt(
                now,
                request.client.nas_id,
                name,
                None if view is None else view.service_id,
                decision.method,
                "accept" if code == _ACCEPT else "reject",
                decision.reason,
                int((self._monotonic() - request.arrived_mono) * 1_000_000),
                request.packet.attributes.get(CALLING_STATION_ID),
                decision.detail,
            )
        )
