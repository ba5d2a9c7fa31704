"""What the portal is handed to let people pay by gateways."""

from dataclasses import dataclass

from netbilld.services.keep_callbacks import KeepCallbacks
from netbilld.services.order_vouchers import OrderVouchers
from netbilld.services.show_payment import ShowPayment
from netbilld.services.start_payment import StartPayment


@dataclass(frozen=True, slots=True)
class PayParts:
    """The services behind /bayar and /hook.

    Attributes:
        orders: vouchers that are bought on the hotspot's page; None sells none.
        qris: the merchant's own static QRIS code, which is shown with an amount; None shows none.
    """

    keep: KeepCallbacks
    start: StartPayment
    show: ShowPayment
    orders: OrderVouchers | None = None
    qris: str | None = None

    @property
    def is_offered(self) -> bool:
        """Tell whether there is any way to pay here."""
        return bool(self.start.ways) or self.qris is not None
