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
    told: bool = False  # the peer has heard that it will be refused
    begun: bool = False  # the method has had an answer: no other may be asked for
    offered: list[Method] = field(default_factory=list)
    identifier: int = 0
    rounds: int = 0
    answered: bytes = field(default=b"", repr=False)  # the last Response, and what it was answered with
    asked: bytes = field(default=b"", repr=False)


class Conversations:
    """All of them, the one that was silent longest first."""

    def __init__(
        self,
        max_conversations: int = MAX_CONVERSATIONS,
        idle_seconds: float = IDLE_SECONDS,
        longest_seconds: float = LONGEST_SECONDS,
    ) -> None:
        self._max = max_conversations
        self._idle_seconds = idle_seconds
        self._longest_seconds = longest_seconds
        self._by_state: OrderedDict[bytes, tuple[Conversation, float]] = OrderedDict()
        self._left: deque[Conversation] = deque(maxlen=_MAX_LEFT)
        self.abandoned = 0

    def __len__(self) -> int:
        return len(self._by_state)

    def begin(self, conversation: Conversation, now_mono: float) -> bool:
        """Take a new one; False if there is no room: those that are under way come first."""
        self._forget_silent(now_mono)
        if len(self._by_state) >= self._max:
            return False
        self._by_state[conversation.state] = (conversation, now_mono)
        return True

    def find(self, state: bytes, nas_id: UUID, now_mono: float) -> Conversation | None:
        """Return the one `state` belongs to, if it is this NAS's and still lives."""
        self._forget_silent(now_mono)
        found = self._by_state.get(state)
        if found is None or found[0].nas_id != nas_id:
            return None
        conversation = found[0]
        if now_mono - conversation.started_mono > self._longest_seconds:
            self.end(conversation)
            self._leave(conversation)
            return None
        self._by_state[state] = (conversation, now_mono)
        self._by_state.move_to_end(state)
        return conversation

    def end(self, conversation: Conversation) -> None:
        """Forget one."""
        self._by_state.pop(conversation.state, None)

    def take_left(self) -> list[Conversation]:
        """Return, once, those whose peer had begun a method and was not heard again."""
        if not self._left:
            return []
        left = list(self._left)
        self._left.clear()
        return left

    def _forget_silent(self, now_mono: float) -> None:
        while self._by_state:
            state = next(iter(self._by_state))
            if now_mono - self._by_state[state][1] <= self._idle_seconds:
                return
            self._leave(self._by_state.pop(state)[0])

    def _leave(self, conversation: Conversation) -> None:
        self.abandoned += 1
        if conversation.begun:  # before that it was hardly a log-in
            conversation.answered = conversation.asked = b""
            self._left.append(conversation)
