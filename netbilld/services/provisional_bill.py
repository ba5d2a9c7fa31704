"""The running charge of the open period (INCA-27): what the next bill comes to so far; provisional, nothing is kept."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from netbilld.billing.chart import Payer
from netbilld.model.errors import NetbilldError
from netbilld.services import own_plan
from netbilld.services.account_view import ServiceFile
from netbilld.services.bill_subscribers import BillingTerms
from netbilld.services.foresee_bill import Foreseen, foresee, plans_of


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[own_plan.Work]: ...


class ProvisionalBill:
    """Tells what the next bill comes to so far."""

    def __init__(self, store: Store, billing: BillingTerms) -> None:
        self._store, self._billing = store, billing

    async def run(self, file: ServiceFile, now: datetime) -> Foreseen | None:
        """Return the next bill of a service as it would be with what is used by now.

        None where nothing will be billed, and where it can't be told: a bill that a person has to look at first.
        """
        async with self._store.read() as work:
            service = await work.services.by_id(file.service_id)
            if service is None or service.status == "ended":
                return None
            plans = await plans_of(work, file.subscriber_id)
            payer = Payer(file.subscriber_id, file.subscriber_number, file.currency)
            try:
                return await foresee(work, service, payer, plans, self._billing, now)
            except NetbilldError:
                return None
