"""Four payment gateways on real sockets, strict where the real ones are, with knobs for what goes wrong.

Each keeps its payments in memory, checks what it is sent as the real one does, and calls back when a test says so:
doubled, in any order, late, with a wrong signature or amount, or not at all.
"""

from collections.abc import Callable
from typing import Final

from tests.fake_gateways.duitku import FakeDuitku
from tests.fake_gateways.fake_gateway import FEE, FakeGateway, running
from tests.fake_gateways.midtrans import FakeMidtrans
from tests.fake_gateways.tripay import FakeTripay
from tests.fake_gateways.xendit import FakeXendit

FAKES: Final[tuple[Callable[[], FakeGateway], ...]] = (FakeMidtrans, FakeXendit, FakeTripay, FakeDuitku)

__all__ = ["FAKES", "FEE", "FakeDuitku", "FakeGateway", "FakeMidtrans", "FakeTripay", "FakeXendit", "running"]
