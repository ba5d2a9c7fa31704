"""A period's usage slice by slice: what each adds to the price of the period, so that the parts sum to the whole."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from netbilld.billing.rating.card import RateCard
from netbilld.billing.rating.stretch import Stretch, stretch_at
from netbilld.billing.rating.windows import OUTSIDE, window_of
from netbilld.model.periods import BillingPeriod, local_date


class UsagePiece(NamedTuple):
    """Octets between two instants; `key` is whatever tells it from others."""

    start_at: datetime
    end_at: datetime
    upload_octets: int
    download_octets: int
    key: Any = None


class UsageStep(NamedTuple):
    """A piece, and what it did.

    Attributes:
        on: the local day.
        window: the happy hours it lies in; None for none.
        amount_minor: by how much it made the period dearer: half_up(total after it) − half_up(total before it).
        total_minor: what the period costs after it.
        counted_octets: what counts against the allowance after it.
    """

    piece: UsagePiece
    on: date
    window: str | None
    amount_minor: int
    total_minor: int
    counted_octets: int


def usage_steps(
    card: RateCard,
    period: BillingPeriod,
    stretches: Sequence[Stretch],
    pieces: Iterable[UsagePiece],
    holidays: Collection[date],
) -> Iterator[UsageStep]:
    """Yield the pieces of a period, oldest first, each with what it did to the price.

    Pieces of the same instant come in order of their octets, so that the same usage always gives the same steps.
    """
    sums: dict[tuple[date, int], tuple[int, int]] = {}
    total_minor = 0
    for piece in sorted(pieces, key=lambda one: one[:4]):
        on = local_date(piece.start_at, period.timezone)
        stretch = stretch_at(stretches, on)
        number = window_of(stretch.plan.happy_hours, piece.start_at, period.timezone, holidays)
        before = sums.get((stretch.from_on, number), (0, 0))
        sums[stretch.from_on, number] = before[0] + piece.upload_octets, before[1] + piece.download_octets
        rated = card.rate(period, tuple(stretches), sums)
        window = None if number == OUTSIDE else stretch.plan.happy_hours[number].name
        yield UsageStep(piece, on, window, rated.amount_minor - total_minor, rated.amount_minor, rated.counted_octets)
        total_minor = rated.amount_minor
