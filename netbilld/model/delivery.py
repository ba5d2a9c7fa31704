"""How far a message has come: what messengers tell of it later only ever moves it on."""

from dataclasses import dataclass
from enum import IntEnum


class Reached(IntEnum):
    """Where a message is, by what whoever delivers it says; each includes those before it."""

    NOWHERE = 0
    ACCEPTED = 1  # whoever delivers it has it
    SENT = 2
    DELIVERED = 3  # it is on the phone
    READ = 4


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a message: how far it has come, or that it has not (`failed`)."""

    reached: Reached
    failed: bool = False


def moved_on(before: Told, news: Told) -> Told:
    """Return where a message stands after some news; copies, old news and skipped steps change nothing that is wrong.

    A failure is believed only of what has not arrived; who has delivered after all takes a failure back.
    """
    if news.failed:
        return before if before.reached >= Reached.DELIVERED else Told(before.reached, failed=True)
    reached = max(before.reached, news.reached)
    return Told(reached, failed=before.failed and reached < Reached.DELIVERED)
