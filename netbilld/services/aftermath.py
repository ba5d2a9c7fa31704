"""What the database says is to be looked at after a batch of the meter."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What is to be looked at.

    Attributes:
        differing: open sessions that are not, or not surely, as they are due.
        orders_are_void: an order waits for a session that has ended.
        acknowledged: sessions whose NAS said yes to an order, proved by nothing but traffic since.
    """

    differing: Sequence[int] = ()
    orders_are_void: bool = False
    acknowledged: Sequence[int] = ()
