"""The way of a paper invoice: printed, handed to a courier, received or returned; no state is skipped."""

from enum import StrEnum
from typing import Final

from netbilld.model.errors import RefusedError


class PaperState(StrEnum):
    PRINTED = "printed"
    WITH_COURIER = "with_courier"
    RECEIVED = "received"
    RETURNED = "returned"  # and may be printed again


# what may follow; None: it was never printed
NEXT: Final[dict[PaperState | None, frozenset[PaperState]]] = {
    None: frozenset((PaperState.PRINTED,)),
    PaperState.PRINTED: frozenset((PaperState.WITH_COURIER,)),
    PaperState.WITH_COURIER: frozenset((PaperState.RECEIVED, PaperState.RETURNED)),
    PaperState.RECEIVED: frozenset(),
    PaperState.RETURNED: frozenset((PaperState.PRINTED,)),
}
NOT_ARRIVED: Final = (PaperState.PRINTED, PaperState.WITH_COURIER, PaperState.RETURNED)


def check_step(number: str, before: PaperState | None, wanted: PaperState) -> None:
    """Refuse a step that skips a state.

    Raises:
        RefusedError: it can't follow; it says what can.
    """
    if wanted in NEXT[before]:
        return
    now = "not printed" if before is None else before.value
    able = " or ".join(state.value for state in PaperState if state in NEXT[before])
    raise RefusedError(
        f"the paper invoice {number} is {now} and can't become {wanted.value}",
        hint=f"next is {able}" if able else "that is its end",
        code="paper_step",
    )
