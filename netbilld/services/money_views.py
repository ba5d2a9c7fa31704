"""Everything that pages of money read."""

from typing import Protocol

from netbilld.services.bill_views import BillViews
from netbilld.services.delivery_views import DeliveryViews
from netbilld.services.dunning_views import DunningViews
from netbilld.services.payment_views import PaymentViews
from netbilld.services.plan_views import PlanViews


class MoneyViews(BillViews, PaymentViews, DeliveryViews, DunningViews, PlanViews, Protocol):
    """Each answer is bounded."""
