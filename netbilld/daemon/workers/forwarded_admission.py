"""A log-in whose service has limits or pools: a worker asks the owner, so that nothing is given or counted twice."""

from datetime import datetime
from itertools import count
from typing import Final

from netbilld.daemon.workers.channel import Channel, Message, pack, pack_decision, unpack_decision
from netbilld.radius.access import AccessView, Decision
from netbilld.radius.server import Request
from netbilld.services.authenticate import Answer

MAX_WAITING: Final = 20_000


class ForwardedAdmission:
    """Admission by the owner, over the channel; answers come as they are made."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._waiting: dict[int, Answer] = {}
        self._numbers = count(1)

    def admit(
        self, view: AccessView, request: Request, decision: Decision, now: datetime, answer: Answer
    ) -> Decision | None:
        """Ask the owner; `answer` is called with what it says.

        A request the owner never answers, because it is gone, is the owner's to forget: this process ends with it.
        """
        del now
        if len(self._waiting) >= MAX_WAITING:  # the oldest has waited longer than any NAS does
            del self._waiting[next(iter(self._waiting))]
        number = next(self._numbers)
        self._waiting[number] = answer
        self._channel.send(
            {
                "say": "admit",
                "number": number,
                "name": view.name,
                "datagram": pack(request.packet.datagram),
                "source": [request.source[0], request.source[1]],
                "arrived_mono": request.arrived_mono,
                "decision": pack_decision(decision),
            }
        )
        return None

    def admitted(self, message: Message) -> None:
        """Take the owner's word on one of the requests that wait."""
        answer = self._waiting.pop(message["number"], None)
        if answer is not None:
            answer(unpack_decision(message["decision"]))
