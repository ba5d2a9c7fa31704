"""What is proposed to whoever tops up by a gateway."""

from netbilld.services.start_payment import LEAST_MINOR, payable


def test_no_less_is_proposed_than_can_be_paid() -> None:
    """A wallet that lacks Rp45 was offered to be topped up with Rp45, which every button then refused."""
    assert payable(45) == LEAST_MINOR
    assert payable(25_000) == 25_000
    assert payable(0) == 0
