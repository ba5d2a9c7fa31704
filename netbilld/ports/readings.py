"""Handing in counters of sessions that we have read ourselves."""

from typing import Protocol

from netbilld.accounting.session import Session
from netbilld.ports.ask_nas import NasAnswer


class Readings(Protocol):
    """What takes counters that we have read ourselves."""

    def handle(self, session: Session, answer: NasAnswer) -> bool:
        """Take what a session's NAS shows of it; False where it can't be kept.

        Raises:
            InvalidInputError: without counters, or with such as can't be.
        """
        ...
