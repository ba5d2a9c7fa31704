"""Everything that pages of money read."""

from typing import Protocol

from netbilld.services.bill_views import BillViews
from netbilld.services.delivery_views import DeliveryViews
from netbilld.services.dunning_views import DunningViews
from netbilld.services.payment_views import PaymentViews


class MoneyViews(BillViews, PaymentViews, DeliveryViews, DunningViews, Protocol):
    """Each answer is bounded."""
