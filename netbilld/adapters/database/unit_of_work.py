"""One database transaction and the stores in it."""

from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.auth_log import AuthLogStore
from netbilld.adapters.database.changes import ChangeStore
from netbilld.adapters.database.enforcement import EnforcementStore
from netbilld.adapters.database.idempotency import IdempotencyStore
from netbilld.adapters.database.invoices import InvoiceStore
from netbilld.adapters.database.ledger import LedgerStore
from netbilld.adapters.database.logins import LoginStore
from netbilld.adapters.database.meta import MetaStore
from netbilld.adapters.database.nas import NasStore
from netbilld.adapters.database.payments import PaymentStore
from netbilld.adapters.database.plans import PlanStore
from netbilld.adapters.database.portal import PortalStore
from netbilld.adapters.database.readmodels import ReadModelStore
from netbilld.adapters.database.services import ServiceStore
from netbilld.adapters.database.sessions import SessionStore
from netbilld.adapters.database.staff import StaffStore
from netbilld.adapters.database.subscribers import SubscriberStore
from netbilld.adapters.database.throughput import ThroughputStore
from netbilld.adapters.database.usage import UsageStore


class UnitOfWork:
    """Stores that share one transaction; made by Database.read and Database.write."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    @cached_property
    def auth_log(self) -> AuthLogStore:
        return AuthLogStore(self.connection)

    @cached_property
    def changes(self) -> ChangeStore:
        return ChangeStore(self.connection)

    @cached_property
    def enforcement(self) -> EnforcementStore:
        return EnforcementStore(self.connection)

    @cached_property
    def idempotency(self) -> IdempotencyStore:
        return IdempotencyStore(self.connection)

    @cached_property
    def invoices(self) -> InvoiceStore:
        return InvoiceStore(self.connection)

    @cached_property
    def ledger(self) -> LedgerStore:
        return LedgerStore(self.connection)

    @cached_property
    def logins(self) -> LoginStore:
        return LoginStore(self.connection)

    @cached_property
    def meta(self) -> MetaStore:
        return MetaStore(self.connection)

    @cached_property
    def nas(self) -> NasStore:
        return NasStore(self.connection)

    @cached_property
    def payments(self) -> PaymentStore:
        return PaymentStore(self.connection)

    @cached_property
    def plans(self) -> PlanStore:
        return PlanStore(self.connection)

    @cached_property
    def portal(self) -> PortalStore:
        return PortalStore(self.connection)

    @cached_property
    def readmodels(self) -> ReadModelStore:
        return ReadModelStore(self.connection)

    @cached_property
    def services(self) -> ServiceStore:
        return ServiceStore(self.connection)

    @cached_property
    def sessions(self) -> SessionStore:
        return SessionStore(self.connection)

    @cached_property
    def staff(self) -> StaffStore:
        return StaffStore(self.connection)

    @cached_property
    def subscribers(self) -> SubscriberStore:
        return SubscriberStore(self.connection)

    @cached_property
    def throughput(self) -> ThroughputStore:
        return ThroughputStore(self.connection)

    @cached_property
    def usage(self) -> UsageStore:
        return UsageStore(self.connection)
