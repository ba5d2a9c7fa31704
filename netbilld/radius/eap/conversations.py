"""The conversations under way: few, short-lived, and known by a State that nobody can guess (RFC 3579 §2.6.1)."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from netbilld.radius.access import Method
from netbilld.radius.eap.steps import EapMethod

STATE_OCTETS: Final = 16
# A peer that waits for a person to accept a certificate still finds its conversation; one that left is forgotten.
IDLE_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 180.0
# An established TLS connection takes some 45 KB, so these are at most 90 MB.
MAX_CONVERSATIONS: Final = 2_000
# A device needs one; several subscribers may share what a NAS calls a station, such as an address of theirs.
MAX_OF_STATION: Final = 16
# Where all places are taken, a conversation silent for so long makes room: one under way speaks several times a second,
# and a NAS that lost a packet has asked again by then.
YIELDS_AFTER_SECONDS: Final = 3.0
_MAX_LEFT: Final = 1_000


@dataclass(slots=True)
class Conversation:
    """One peer on its way through one NAS."""

    state: bytes = field(repr=False)
    nas_id: UUID
    identity: bytes
    room_octets: int
    started_mono: float
    station: bytes | None = None  # Calling-Station-Id
    method: EapMethod | None = None
    heard_mono: float = 0.0
    displaced: bool = False  # it had to make room
    told: bool = False  # the peer has heard that it will be refused
    begun: bool = False  # the method has had an answer: no other may be asked for
    offered: list[Method] = field(default_factory=list)
    identifier: int = 0
    rounds: int = 0
    answered: bytes = field(default=b"", repr=False)  # the last Response, and what it was answered with
    asked: bytes = field(default=b"", repr=False)


_States = OrderedDict[bytes, None]  # silent longest first


class Conversations:
    """All of them, the one that was silent longest first.

    Places are shared fairly, so that neither a NAS nor a device can keep others out: a device has a few, of which its
    own oldest goes first; and once all are taken, a NAS that has less than its share takes the oldest of the NAS that
    has most. Within its share a NAS gets places of those it has let fall silent, and otherwise the newest waits.
    """

    def __init__(
        self,
        max_conversations: int = MAX_CONVERSATIONS,
        idle_seconds: float = IDLE_SECONDS,
        longest_seconds: float = LONGEST_SECONDS,
        max_of_station: int = MAX_OF_STATION,
    ) -> None:
        self._max = max_conversations
        self._max_of_station = max_of_station
        self._idle_seconds = idle_seconds
        self._longest_seconds = longest_seconds
        self._by_state: OrderedDict[bytes, Conversation] = OrderedDict()
        self._of_nas: dict[UUID, _States] = {}
        self._of_station: dict[tuple[UUID, bytes], _States] = {}
        self._left: deque[Conversation] = deque(maxlen=_MAX_LEFT)
        self.abandoned = 0
        self.displaced = 0

    def __len__(self) -> int:
        return len(self._by_state)

    def begin(self, conversation: Conversation, now_mono: float) -> bool:
        """Take a new one; False if there is no room."""
        self.forget_silent(now_mono)
        nas_id, station = conversation.nas_id, conversation.station
        if station is not None:
            of_station = self._of_station.get((nas_id, station), ())
            if len(of_station) >= self._max_of_station:
                self._displace(next(iter(of_station)))
        if len(self._by_state) >= self._max and not self._make_room(nas_id, now_mono):
            return False
        state = conversation.state
        conversation.heard_mono = now_mono
        self._by_state[state] = conversation
        self._of_nas.setdefault(nas_id, OrderedDict())[state] = None
        if station is not None:
            self._of_station.setdefault((nas_id, station), OrderedDict())[state] = None
        return True

    def find(self, state: bytes, nas_id: UUID, now_mono: float) -> Conversation | None:
        """Return the one `state` belongs to, if it is this NAS's and still lives."""
        self.forget_silent(now_mono)
        conversation = self._by_state.get(state)
        if conversation is None or conversation.nas_id != nas_id:
            return None
        if now_mono - conversation.started_mono > self._longest_seconds:
            self.end(conversation)
            self.abandoned += 1
            self._leave(conversation)
            return None
        conversation.heard_mono = now_mono
        self._by_state.move_to_end(state)
        self._of_nas[nas_id].move_to_end(state)
        if conversation.station is not None:
            self._of_station[nas_id, conversation.station].move_to_end(state)
        return conversation

    def end(self, conversation: Conversation) -> None:
        """Forget one."""
        state, nas_id, station = conversation.state, conversation.nas_id, conversation.station
        if self._by_state.pop(state, None) is None:
            return
        of_nas = self._of_nas[nas_id]
        del of_nas[state]
        if not of_nas:
            del self._of_nas[nas_id]
        if station is not None:
            of_station = self._of_station[nas_id, station]
            del of_station[state]
            if not of_station:
                del self._of_station[nas_id, station]

    def forget_silent(self, now_mono: float) -> None:
        """Forget those that were silent too long; `take_left` has what is to be said of them."""
        while self._by_state:
            conversation = next(iter(self._by_state.values()))
            if now_mono - conversation.heard_mono <= self._idle_seconds:
                return
            self.end(conversation)
            self.abandoned += 1
            self._leave(conversation)

    def take_left(self) -> list[Conversation]:
        """Return, once, those whose peer had begun a method and was not heard again, or had to make room."""
        if not self._left:
            return []
        left = list(self._left)
        self._left.clear()
        return left

    def _make_room(self, nas_id: UUID, now_mono: float) -> bool:
        """Free a place for a NAS where all are taken; False if it has to wait."""
        own = self._of_nas.get(nas_id, ())
        sharing = len(self._of_nas) + (not own)
        if len(own) < self._max // sharing:
            largest = max(self._of_nas.values(), key=len)  # more than the share: what others have less, it has
            self._displace(next(iter(largest)))
            return True
        if not own:  # more NAS than places
            return False
        oldest = next(iter(own))
        if now_mono - self._by_state[oldest].heard_mono < YIELDS_AFTER_SECONDS:
            return False
        self._displace(oldest)
        return True

    def _displace(self, state: bytes) -> None:
        conversation = self._by_state[state]
        self.end(conversation)
        conversation.displaced = True
        self.displaced += 1
        self._leave(conversation)

    def _leave(self, conversation: Conversation) -> None:
        if conversation.begun:  # before that it was hardly a log-in
            conversation.answered = conversation.asked = b""
            self._left.append(conversation)
