"""A log-in whose service has limits or pools: a worker asks the owner, so that nothing is given or counted twice."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Final

from netbilld.daemon.workers.channel import Channel, LogInAnswer, LogInQuestion
from netbilld.radius.access import AccessView, Decision
from netbilld.radius.server import Request
from netbilld.services.authenticate import Answer

WINDOW: Final = 1_000  # asked and not answered: with another worker's, two transactions of the owner
MAX_WAITING: Final = 20_000
PATIENCE_SECONDS: Final = 1.1  # a NAS that asks every 300 ms and three times more gives up after 1.2 s
LOST_SECONDS: Final = 10.0  # far longer than the owner takes over the hardest one
_SMOOTHING: Final = 1 / 64


@dataclass(slots=True)
class _LogIn:
    name: str
    request: Request
    decision: Decision
    answer: Answer
    asked_mono: float = 0.0


class ForwardedAdmission:
    """Admission by the owner, over the channel; answers come as they are made.

    No more are asked than the owner has in hand, so that it does no work for a NAS that has given up meanwhile. The
    others wait here. Those that could not be answered before that are forgotten, and so is what the owner does not
    answer: then the next copy of the request is tried afresh.
    """

    def __init__(self, channel: Channel, monotonic: Callable[[], float]) -> None:
        """Take the channel and the clock that `Request.arrived_mono` is by."""
        self.forget: Callable[[Request], object] = lambda _request: None
        self.expired = 0
        self._channel = channel
        self._monotonic = monotonic
        self._asked: dict[int, _LogIn] = {}
        self._waiting: deque[_LogIn] = deque()
        self._numbers = count(1)
        self._owner_seconds = 0.0  # that an answer takes of late
        channel.on_answer = self._answered

    @property
    def waiting(self) -> int:
        """How many log-ins wait for the owner, asked or not."""
        return len(self._asked) + len(self._waiting)

    def admit(
        self, view: AccessView, request: Request, decision: Decision, now: datetime, answer: Answer
    ) -> Decision | None:
        """Ask the owner; `answer` is called with what it says."""
        del now
        if len(self._waiting) >= MAX_WAITING:  # the newest, as under any overload
            self._give_up(request)
            return None
        self._waiting.append(_LogIn(view.name, request, decision, answer))
        self._ask()
        return None

    def _ask(self) -> None:
        """Ask about those who have waited longest, as far as the window allows."""
        now_mono = self._monotonic()
        while self._asked:
            number, oldest = next(iter(self._asked.items()))
            if now_mono - oldest.request.arrived_mono <= LOST_SECONDS:
                break
            del self._asked[number]
            self._give_up(oldest.request)
        while self._waiting and len(self._asked) < WINDOW:
            one = self._waiting.popleft()
            if now_mono - one.request.arrived_mono > PATIENCE_SECONDS - min(self._owner_seconds, PATIENCE_SECONDS / 2):
                self._give_up(one.request)
                continue
            number = next(self._numbers)
            self._asked[number] = one
            one.asked_mono = now_mono
            request = one.request
            self._channel.ask(
                LogInQuestion(
                    number,
                    one.name,
                    request.packet.datagram,
                    (request.source[0], request.source[1]),
                    request.arrived_mono,
                    one.decision,
                )
            )

    def _answered(self, answer: LogInAnswer) -> None:
        """Take the owner's word on one of those that were asked about."""
        one = self._asked.pop(answer.number, None)
        try:
            if one is None:
                return
            took_seconds = self._monotonic() - one.asked_mono
            self._owner_seconds += (took_seconds - self._owner_seconds) * _SMOOTHING
            if answer.decision is None:
                self.forget(one.request)
            else:
                one.answer(answer.decision)
        finally:
            self._ask()

    def _give_up(self, request: Request) -> None:
        self.expired += 1
        self.forget(request)
