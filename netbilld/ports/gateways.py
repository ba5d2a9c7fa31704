"""What a payment gateway is to the program: it makes payments, says how they are, calls back, and gives back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from netbilld.billing.gateway import Notice
from netbilld.model.errors import NetbilldError


class GatewayAwayError(NetbilldError):
    """The gateway can't be reached or answers nothing of use: what became of the request is not known."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="gateway_away")


class GatewayRefusedError(NetbilldError):
    """The gateway has understood and says no."""

    def __init__(self, message: str, *, code: str = "gateway_refused") -> None:
        super().__init__(message, code=code)


class BadSignatureError(NetbilldError):
    """A callback whose proof is not of our gateway."""

    def __init__(self, message: str = "the signature is wrong") -> None:
        super().__init__(message, code="bad_signature")


class MalformedCallbackError(NetbilldError):
    """A callback that can't be read."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="malformed")


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment that a gateway is asked for.

    Attributes:
        ref: our own name of it, never used before.
        method: `qris`, `va_bca`, `retail_alfamart`, `ewallet_ovo` or `page`, where the payer chooses at the gateway.
        payer_id: the subscriber's number.
        return_url: where the payer's browser goes afterwards; it proves nothing.
        callback_url: where the gateway tells what became of it.
    """

    ref: str
    amount_minor: int
    currency: str
    method: str
    made_at: datetime
    expires_at: datetime
    text: str
    payer_id: str
    payer_name: str
    payer_email: str
    payer_phone: str
    return_url: str
    callback_url: str


@dataclass(frozen=True, slots=True)
class Made:
    """How a payment that a gateway has made is paid: by one of these ways.

    Attributes:
        gateway_ref: the gateway's own name of it.
        number: to pay to, of a virtual account or at a shop.
        number_at: whose number it is: a bank, or a shop.
        biller_code: that some banks ask for beside it.
    """

    gateway_ref: str
    pay_url: str | None = None
    qr_string: str | None = None
    number: str | None = None
    number_at: str | None = None
    biller_code: str | None = None
    expires_at: datetime | None = None


class RefundState(StrEnum):
    DONE = "done"
    PENDING = "pending"  # it will be told by a callback


@dataclass(frozen=True, slots=True)
class Answer:
    """What a callback is answered with."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"


class Verdict(StrEnum):
    """What became of a callback, as far as its sender is to know."""

    TAKEN = "taken"  # kept, whatever will come of it
    BAD_SIGNATURE = "bad_signature"
    MALFORMED = "malformed"
    UNKNOWN_EVENT = "unknown_event"
    TRY_LATER = "try_later"


class Gateway(Protocol):
    """One gateway, as it was set up."""

    @property
    def name(self) -> str:
        """Return its word, which is the method of payments that come by it."""
        ...

    @property
    def methods(self) -> tuple[str, ...]:
        """Return what payers may choose from."""
        ...

    @property
    def confirms_callbacks(self) -> bool:
        """Tell whether a callback is believed only when the status call says the same."""
        ...

    @property
    def refunds(self) -> bool:
        """Tell whether money can be given back through it at all."""
        ...

    async def create(self, charge: Charge) -> Made:
        """Make a payment, or return the one that was made of this ref before.

        Raises:
            GatewayAwayError: nobody knows whether it was made.
            GatewayRefusedError: it was not.
        """
        ...

    async def status(self, ref: str, gateway_ref: str | None) -> Notice | None:
        """Return how a payment is; None where the gateway has heard of none yet.

        Raises:
            GatewayAwayError: it can't be asked.
            GatewayRefusedError: it will not say.
        """
        ...

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Notice | None:
        """Return what a callback says once its proof is right; None for an event that is of no interest.

        Args:
            headers: with names in lower case.
            body: as it came, octet by octet.

        Raises:
            BadSignatureError: the proof is wrong or missing.
            MalformedCallbackError: it can't be read.
        """
        ...

    def answer(self, verdict: Verdict) -> Answer:
        """Return what the gateway expects to be answered."""
        ...

    async def refund(self, ref: str, gateway_ref: str | None, amount_minor: int, key: str, reason: str) -> RefundState:
        """Give money back; the same key again gives nothing more.

        Raises:
            GatewayAwayError: nobody knows whether it did.
            GatewayRefusedError: it did not.
        """
        ...

    async def expire(self, ref: str, gateway_ref: str | None) -> None:
        """End a payment that is open still; where it is not, or the gateway has no such call, nothing happens.

        Raises:
            GatewayAwayError: it can't be asked.
        """
        ...
