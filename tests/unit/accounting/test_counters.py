import pytest

from netbilld.accounting.counters import DeltaKind, Order, Reading, delta

G = 2**32
NEWER, UNKNOWN, OLDER = Order.NEWER, Order.UNKNOWN, Order.OLDER


@pytest.mark.parametrize(
    ("before", "after", "wide", "order", "moved", "counter", "kind"),
    [
        ((0, 0), (5, 7), True, NEWER, (5, 7), (5, 7), DeltaKind.FORWARD),
        ((5, 7), (5, 7), True, NEWER, (0, 0), (5, 7), DeltaKind.REPEAT),
        ((5, 7), (5, 7), False, NEWER, (0, 0), (5, 7), DeltaKind.REPEAT),
        # mikrotik §7.2: without Gigawords, lower octets while the session time grows have wrapped once
        ((G - 10, 7), (20, 8), False, NEWER, (30, 1), (G + 20, 8), DeltaKind.WRAP),
        ((G - 10, G - 1), (20, 8), False, NEWER, (30, 9), (G + 20, G + 8), DeltaKind.WRAP),
        ((3 * G + 100, 7), (50, 8), False, NEWER, (G - 50, 1), (4 * G + 50, 8), DeltaKind.WRAP),
        ((G - 10, 7), (20, 8), False, UNKNOWN, (0, 1), (G - 10, 8), DeltaKind.FORWARD),
        ((G - 10, 7), (20, 6), False, OLDER, (0, 0), (G - 10, 7), DeltaKind.BACKWARDS),
        # a Stop that says nothing but zeros
        ((1000, 2000), (0, 0), False, NEWER, (0, 0), (1000, 2000), DeltaKind.BACKWARDS),
        # 64 bits: far lower is a reset, slightly lower a glitch
        ((5 * G, 9 * G), (100, 200), True, NEWER, (100, 200), (100, 200), DeltaKind.RESET),
        ((5 * G, 9 * G), (5 * G - 3, 9 * G), True, NEWER, (0, 0), (5 * G, 9 * G), DeltaKind.BACKWARDS),
        ((5 * G, 9 * G), (5 * G - 3, 9 * G + 4), True, NEWER, (0, 4), (5 * G, 9 * G + 4), DeltaKind.FORWARD),
        ((5 * G, 9 * G), (100, 200), True, OLDER, (0, 0), (5 * G, 9 * G), DeltaKind.BACKWARDS),
        ((5 * G, 9 * G), (100, 200), True, UNKNOWN, (0, 0), (5 * G, 9 * G), DeltaKind.BACKWARDS),
    ],
)
def test_what_moved_between_two_readings(
    before: tuple[int, int],
    after: tuple[int, int],
    wide: bool,
    order: Order,
    moved: tuple[int, int],
    counter: tuple[int, int],
    kind: DeltaKind,
) -> None:
    """Wrap, reset, repeat and backwards are told apart (field ask 5)."""
    found = delta(*before, Reading(*after, wide), order)
    assert (found.upload_octets, found.download_octets) == moved
    assert (found.counter_upload_octets, found.counter_download_octets) == counter
    assert found.kind is kind


def test_a_pair_that_shows_half_is_a_glitch_and_one_octet_less_has_begun_again() -> None:
    half = delta(1_000, 1_000, Reading(500, 500, wide=True), Order.NEWER)
    assert (half.kind, half.upload_octets, half.counter_upload_octets) == (DeltaKind.BACKWARDS, 0, 1_000)
    less = delta(1_000, 1_000, Reading(500, 499, wide=True), Order.NEWER)
    assert (less.kind, less.upload_octets, less.download_octets) == (DeltaKind.RESET, 500, 499)
