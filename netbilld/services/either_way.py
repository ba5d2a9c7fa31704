"""EitherWay: asks a NAS the one way, and the other way what that did not tell."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from netbilld.accounting.session import Session
from netbilld.ports.ask_nas import AskNas, NasAnswer


class EitherWay:
    """Two ways to ask about sessions, of which the first tells more."""

    def __init__(self, first: AskNas, second: AskNas) -> None:
        self._first = first
        self._second = second

    async def ask(self, nas_id: UUID, sessions: Sequence[Session]) -> Mapping[int, NasAnswer]:
        """Return, by session id, what a NAS shows of these sessions; what neither way tells is left out."""
        answers = dict(await self._first.ask(nas_id, sessions))
        rest = [session for session in sessions if session.id not in answers]
        if rest:
            answers |= await self._second.ask(nas_id, rest)
        return answers
