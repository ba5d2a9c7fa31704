"""The day on which money that a gateway tells of counts as received."""

from datetime import UTC, date, datetime

import pytest

from netbilld.billing.gateway import GatewayState, Notice
from netbilld.model.actor import Actor
from netbilld.services.book_notice import BookNotice
from netbilld.services.paying import NO_TAXES, Doing


@pytest.mark.parametrize(
    ("now", "paid_at", "day"),
    [
        ("2026-01-20T03:00", "2026-01-20T02:59", "2026-01-20"),
        ("2026-01-20T03:00", "2026-01-18T16:59", "2026-01-18"),
        ("2026-01-20T03:00", "2026-01-18T17:00", "2026-01-19"),  # after midnight in Jakarta
        ("2026-01-20T03:00", "2026-01-13T03:00", "2026-01-13"),
        ("2026-01-20T03:00", "2026-01-13T02:59", "2026-01-20"),  # a week is too long ago: it counts when it is heard of
        ("2026-01-20T03:00", "2026-01-20T03:01", "2026-01-20"),  # and nothing was paid tomorrow
        ("2026-02-01T03:00", "2026-01-31T16:59", "2026-02-01"),  # a month that may be closed is left as it was
        ("2026-02-01T03:00", "2026-01-31T17:00", "2026-02-01"),
        ("2026-01-20T03:00", None, "2026-01-20"),
    ],
)
def test_a_payment_counts_on_the_local_day_of_its_moment_within_a_week_and_a_month(
    now: str, paid_at: str | None, day: str
) -> None:
    def moment(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    book = BookNotice(timezone="Asia/Jakarta", taxes=NO_TAXES)
    told = Notice("A-1", "t", GatewayState.PAID, 1_000, "IDR", "paid", None if paid_at is None else moment(paid_at))
    doing = book.doing(Doing(Actor("gateway", "x"), moment(now), date.min))
    assert book._received_on(told, doing) == date.fromisoformat(day)
