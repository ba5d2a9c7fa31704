"""Access-Request to reply, from memory: no database and no log line on this path."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from netbilld.radius.access import ENTROPY_OCTETS, AccessView, Decision, decide
from netbilld.radius.attributes import CALLING_STATION_ID, EAP_MESSAGE, USER_NAME
from netbilld.radius.codes import Code
from netbilld.radius.server import Request
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.attempt_buffer import AttemptBuffer, LoginAttempt

_RESULTS: Final = {
    int(Code.ACCESS_ACCEPT): "accept",
    int(Code.ACCESS_REJECT): "reject",
    int(Code.ACCESS_CHALLENGE): "challenge",
}
_ACCEPT: Final = int(Code.ACCESS_ACCEPT)

# Takes a decision that was made later than its request was handled.
Answer = Callable[[Decision], None]


class EapServer(Protocol):
    """Carries on the conversation an Access-Request with EAP-Message belongs to."""

    def handle(
        self, request: Request, find: Callable[[bytes], AccessView | None], entropy: bytes
    ) -> tuple[Decision, AccessView | None]:
        """Return a Challenge, Accept or Reject, and the credential it was about as far as it is known."""
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
    ) -> None:
        self._directory = directory
        self._attempts = attempts
        self._entropy = entropy
        self._monotonic = monotonic
        self._eap = eap
        self._admission = admission
        self.accepts = 0
        self.rejects = 0
        self.challenges = 0

    def handle(self, request: Request, now: datetime, answer: Answer) -> Decision | None:
        """Return the answer to a verified Access-Request, and note the attempt.

        None means that it waits for something, such as an address being taken for good; `answer` is then called, once.
        """
        attributes = request.packet.attributes
        view: AccessView | None
        if self._eap is not None and EAP_MESSAGE in attributes:
            decision, view = self._eap.handle(
                request, lambda name: self._directory.find(name, now), self._entropy(ENTROPY_OCTETS)
            )
        else:
            view = self._directory.find(attributes.get(USER_NAME, b""), now)
            decision = decide(request, view, self._entropy(ENTROPY_OCTETS))
        if view is not None and view.terms is not None and self._admission is not None and decision.code == _ACCEPT:

            def later(admitted: Decision) -> None:
                self._note(request, view, admitted, now)
                answer(admitted)

            admitted = self._admission.admit(view, request, decision, now, later)
            if admitted is None:
                return None
            decision = admitted
        self._note(request, view, decision, now)
        return decision

    def _note(self, request: Request, view: AccessView | None, decision: Decision, now: datetime) -> None:
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
                attributes.get(USER_NAME, b""),
                None if view is None else view.service_id,
                decision.method,
                result,
                decision.reason,
                int((self._monotonic() - request.arrived_mono) * 1_000_000),
                attributes.get(CALLING_STATION_ID),
                decision.detail,
            )
        )
