"""What an order by RADIUS carries beside what it asks: Event-Timestamp and Message-Authenticator, for each NAS."""

from dataclasses import dataclass
from typing import Final

from netbilld.enforcement.vendors.interface import Vendor

# RFC 5176 §6.3 lets a NAS drop what is 300 seconds old; half of that is left for the way and for clocks that drift.
CLOCK_MAY_DIFFER_SECONDS: Final = 150


@dataclass(frozen=True, slots=True)
class OrderForm:
    """The switches of one NAS; None leaves one to what suits its vendor.

    Attributes:
        event_timestamp: say when the order was made (RFC 5176 §6.3): a NAS may drop one whose time is not its own.
        message_authenticator: sign with Message-Authenticator too (RFC 5176 §3.4).
        clock_off_seconds: how far the NAS's clock is behind ours, as its accounting shows; None where it is right.
    """

    event_timestamp: bool | None = None
    message_authenticator: bool | None = None
    clock_off_seconds: int | None = None

    def is_stamped(self, vendor: Vendor) -> bool:
        """Tell whether orders say when they were made; where it is not said, only to a NAS whose clock will agree."""
        if self.event_timestamp is not None:
            return self.event_timestamp
        return vendor.event_timestamp and abs(self.clock_off_seconds or 0) <= CLOCK_MAY_DIFFER_SECONDS

    def is_signed(self, vendor: Vendor) -> bool:
        """Tell whether orders carry Message-Authenticator."""
        return vendor.message_authenticator if self.message_authenticator is None else self.message_authenticator


SUITED: Final = OrderForm()  # whatever suits the vendor


def switch(text: str | None) -> bool | None:
    """Return what a switch as it is kept means: on, off, and None for what suits the vendor."""
    return None if text is None else text == "on"
