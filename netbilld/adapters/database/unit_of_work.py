"""One database transaction and its stores; a store is loaded when it is first used, since commands must start fast."""

# ruff: noqa: PLC0415 - loading late is what this file is for

from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

if TYPE_CHECKING:
    from netbilld.adapters.database.addresses import AddressStore
    from netbilld.adapters.database.agents import AgentStore
    from netbilld.adapters.database.alerts import AlertStore
    from netbilld.adapters.database.api_reads import ApiReadStore
    from netbilld.adapters.database.api_tokens import ApiTokenStore
    from netbilld.adapters.database.audit import AuditQueries
    from netbilld.adapters.database.auth_log import AuthLogStore
    from netbilld.adapters.database.bank import BankStore
    from netbilld.adapters.database.billing import BillingStore
    from netbilld.adapters.database.brake import BrakeQueries
    from netbilld.adapters.database.buyers import BuyerStore
    from netbilld.adapters.database.changes import ChangeStore
    from netbilld.adapters.database.chat_views import ChatViews
    from netbilld.adapters.database.closings import ClosingStore
    from netbilld.adapters.database.collectors import CollectorStore
    from netbilld.adapters.database.complaint_views import ComplaintViewStore
    from netbilld.adapters.database.complaints import ComplaintStore
    from netbilld.adapters.database.conduct import ConductStore
    from netbilld.adapters.database.corrections import CorrectionStore
    from netbilld.adapters.database.coupons import CouponStore
    from netbilld.adapters.database.cross_checks import CrossCheckStore
    from netbilld.adapters.database.crossings import CrossingStore
    from netbilld.adapters.database.devices import DeviceStore
    from netbilld.adapters.database.documents import DocumentQueries
    from netbilld.adapters.database.doubts import DoubtStore
    from netbilld.adapters.database.dunning import DunningStore
    from netbilld.adapters.database.dunning_terms import DunningTermsStore
    from netbilld.adapters.database.effects import EffectStore
    from netbilld.adapters.database.enforcement import EnforcementStore
    from netbilld.adapters.database.enforcement_history import HistoryStore
    from netbilld.adapters.database.explain import ExplainStore
    from netbilld.adapters.database.gateway_inbox import GatewayInboxStore
    from netbilld.adapters.database.gateways import GatewayStore
    from netbilld.adapters.database.groups import GroupStore
    from netbilld.adapters.database.holidays import HolidayStore
    from netbilld.adapters.database.idempotency import IdempotencyStore
    from netbilld.adapters.database.in_areas import WhereaboutsQueries
    from netbilld.adapters.database.invoices import InvoiceStore
    from netbilld.adapters.database.jobs import JobStore
    from netbilld.adapters.database.late_fees import LateFeeStore
    from netbilld.adapters.database.ledger import LedgerStore
    from netbilld.adapters.database.ledger_days import LedgerDays
    from netbilld.adapters.database.live import LiveStore
    from netbilld.adapters.database.local_accounts import LocalAccountStore
    from netbilld.adapters.database.locks import LockStore
    from netbilld.adapters.database.logins import LoginStore
    from netbilld.adapters.database.mandates import MandateStore
    from netbilld.adapters.database.messengers import MessengerStore
    from netbilld.adapters.database.meta import MetaStore
    from netbilld.adapters.database.meters import MeterStore
    from netbilld.adapters.database.nas import NasStore
    from netbilld.adapters.database.nas_health import NasHealthStore
    from netbilld.adapters.database.nodes import NodeStore
    from netbilld.adapters.database.old_records import OldRecordStore
    from netbilld.adapters.database.outages import OutageStore
    from netbilld.adapters.database.outbox import OutboxStore
    from netbilld.adapters.database.own_business import OwnBusinessStore
    from netbilld.adapters.database.paper import PaperStore
    from netbilld.adapters.database.parked_payments import ParkedPaymentStore
    from netbilld.adapters.database.passkeys import PasskeyStore
    from netbilld.adapters.database.payment_codes import PaymentCodeStore
    from netbilld.adapters.database.payments import PaymentStore
    from netbilld.adapters.database.people_kept import PeopleStore
    from netbilld.adapters.database.plans import PlanStore
    from netbilld.adapters.database.portal import PortalStore
    from netbilld.adapters.database.prepaid import PrepaidStore
    from netbilld.adapters.database.rating import RatingStore
    from netbilld.adapters.database.readmodels import ReadModelStore
    from netbilld.adapters.database.readmodels.money_views import MoneyViewStore
    from netbilld.adapters.database.reports.explained import ExplanationStore
    from netbilld.adapters.database.reports.simulated import SimulationStore
    from netbilld.adapters.database.reports.store import ReportStore
    from netbilld.adapters.database.router_logins import RouterLoginStore
    from netbilld.adapters.database.services import ServiceStore
    from netbilld.adapters.database.session_control import SessionControlStore
    from netbilld.adapters.database.sessions import SessionStore
    from netbilld.adapters.database.settlements import SettlementStore
    from netbilld.adapters.database.shared import SharedStore
    from netbilld.adapters.database.staff import StaffStore
    from netbilld.adapters.database.staff_alerts import StaffAlertStore
    from netbilld.adapters.database.static_lines import StaticLineStore
    from netbilld.adapters.database.subscribers import SubscriberStore
    from netbilld.adapters.database.tax_invoices import TaxInvoiceStore
    from netbilld.adapters.database.terms import TermsStore
    from netbilld.adapters.database.throughput import ThroughputStore
    from netbilld.adapters.database.top_ups import TopUpStore
    from netbilld.adapters.database.usage import UsageStore
    from netbilld.adapters.database.usage_sums import UsageSums
    from netbilld.adapters.database.voucher_orders import VoucherOrderStore
    from netbilld.adapters.database.vouchers import VoucherStore
    from netbilld.adapters.database.webhooks import WebhookStore


class UnitOfWork:
    """Stores that share one transaction; made by Database.read and Database.write."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    @cached_property
    def addresses(self) -> "AddressStore":
        from netbilld.adapters.database.addresses import AddressStore

        return AddressStore(self.connection)

    @cached_property
    def agents(self) -> "AgentStore":
        from netbilld.adapters.database.agents import AgentStore

        return AgentStore(self.connection)

    @cached_property
    def alerts(self) -> "AlertStore":
        from netbilld.adapters.database.alerts import AlertStore

        return AlertStore(self.connection)

    @cached_property
    def api_reads(self) -> "ApiReadStore":
        from netbilld.adapters.database.api_reads import ApiReadStore

        return ApiReadStore(self.connection)

    @cached_property
    def api_tokens(self) -> "ApiTokenStore":
        from netbilld.adapters.database.api_tokens import ApiTokenStore

        return ApiTokenStore(self.connection)

    @cached_property
    def audit(self) -> "AuditQueries":
        from netbilld.adapters.database.audit import AuditQueries

        return AuditQueries(self.connection)

    @cached_property
    def auth_log(self) -> "AuthLogStore":
        from netbilld.adapters.database.auth_log import AuthLogStore

        return AuthLogStore(self.connection)

    @cached_property
    def billing(self) -> "BillingStore":
        from netbilld.adapters.database.billing import BillingStore

        return BillingStore(self.connection)

    @cached_property
    def bank(self) -> "BankStore":
        from netbilld.adapters.database.bank import BankStore

        return BankStore(self.connection)

    @cached_property
    def brake(self) -> "BrakeQueries":
        from netbilld.adapters.database.brake import BrakeQueries

        return BrakeQueries(self.connection)

    @cached_property
    def buyers(self) -> "BuyerStore":
        from netbilld.adapters.database.buyers import BuyerStore

        return BuyerStore(self.connection)

    @cached_property
    def changes(self) -> "ChangeStore":
        from netbilld.adapters.database.changes import ChangeStore

        return ChangeStore(self.connection)

    @cached_property
    def chat_views(self) -> "ChatViews":
        from netbilld.adapters.database.chat_views import ChatViews

        return ChatViews(self.connection)

    @cached_property
    def closings(self) -> "ClosingStore":
        from netbilld.adapters.database.closings import ClosingStore

        return ClosingStore(self.connection)

    @cached_property
    def collectors(self) -> "CollectorStore":
        from netbilld.adapters.database.collectors import CollectorStore

        return CollectorStore(self.connection)

    @cached_property
    def conduct(self) -> "ConductStore":
        from netbilld.adapters.database.conduct import ConductStore

        return ConductStore(self.connection)

    @cached_property
    def complaints(self) -> "ComplaintStore":
        from netbilld.adapters.database.complaints import ComplaintStore

        return ComplaintStore(self.connection)

    @cached_property
    def complaint_views(self) -> "ComplaintViewStore":
        from netbilld.adapters.database.complaint_views import ComplaintViewStore

        return ComplaintViewStore(self.connection)

    @cached_property
    def corrections(self) -> "CorrectionStore":
        from netbilld.adapters.database.corrections import CorrectionStore

        return CorrectionStore(self.connection)

    @cached_property
    def coupons(self) -> "CouponStore":
        from netbilld.adapters.database.coupons import CouponStore

        return CouponStore(self.connection)

    @cached_property
    def cross_checks(self) -> "CrossCheckStore":
        from netbilld.adapters.database.cross_checks import CrossCheckStore

        return CrossCheckStore(self.connection)

    @cached_property
    def devices(self) -> "DeviceStore":
        from netbilld.adapters.database.devices import DeviceStore

        return DeviceStore(self.connection)

    @cached_property
    def crossings(self) -> "CrossingStore":
        from netbilld.adapters.database.crossings import CrossingStore

        return CrossingStore(self.connection)

    @cached_property
    def documents(self) -> "DocumentQueries":
        from netbilld.adapters.database.documents import DocumentQueries

        return DocumentQueries(self.connection)

    @cached_property
    def doubts(self) -> "DoubtStore":
        from netbilld.adapters.database.doubts import DoubtStore

        return DoubtStore(self.connection)

    @cached_property
    def dunning(self) -> "DunningStore":
        from netbilld.adapters.database.dunning import DunningStore

        return DunningStore(self.connection)

    @cached_property
    def dunning_terms(self) -> "DunningTermsStore":
        from netbilld.adapters.database.dunning_terms import DunningTermsStore

        return DunningTermsStore(self.connection)

    @cached_property
    def effects(self) -> "EffectStore":
        from netbilld.adapters.database.effects import EffectStore

        return EffectStore(self.connection)

    @cached_property
    def enforcement(self) -> "EnforcementStore":
        from netbilld.adapters.database.enforcement import EnforcementStore

        return EnforcementStore(self.connection)

    @cached_property
    def explain(self) -> "ExplainStore":
        from netbilld.adapters.database.explain import ExplainStore

        return ExplainStore(self.connection)

    @cached_property
    def gateways(self) -> "GatewayStore":
        from netbilld.adapters.database.gateways import GatewayStore

        return GatewayStore(self.connection)

    @cached_property
    def gateway_inbox(self) -> "GatewayInboxStore":
        from netbilld.adapters.database.gateway_inbox import GatewayInboxStore

        return GatewayInboxStore(self.connection)

    @cached_property
    def mandates(self) -> "MandateStore":
        from netbilld.adapters.database.mandates import MandateStore

        return MandateStore(self.connection)

    @cached_property
    def settlements(self) -> "SettlementStore":
        from netbilld.adapters.database.settlements import SettlementStore

        return SettlementStore(self.connection)

    @cached_property
    def groups(self) -> "GroupStore":
        from netbilld.adapters.database.groups import GroupStore

        return GroupStore(self.connection)

    @cached_property
    def explained(self) -> "ExplanationStore":
        from netbilld.adapters.database.reports.explained import ExplanationStore

        return ExplanationStore(self.connection)

    @cached_property
    def history(self) -> "HistoryStore":
        from netbilld.adapters.database.enforcement_history import HistoryStore

        return HistoryStore(self.connection)

    @cached_property
    def idempotency(self) -> "IdempotencyStore":
        from netbilld.adapters.database.idempotency import IdempotencyStore

        return IdempotencyStore(self.connection)

    @cached_property
    def invoices(self) -> "InvoiceStore":
        from netbilld.adapters.database.invoices import InvoiceStore

        return InvoiceStore(self.connection)

    @cached_property
    def jobs(self) -> "JobStore":
        from netbilld.adapters.database.jobs import JobStore

        return JobStore(self.connection)

    @cached_property
    def ledger(self) -> "LedgerStore":
        from netbilld.adapters.database.ledger import LedgerStore

        return LedgerStore(self.connection)

    @cached_property
    def ledger_days(self) -> "LedgerDays":
        from netbilld.adapters.database.ledger_days import LedgerDays

        return LedgerDays(self.connection)

    @cached_property
    def live(self) -> "LiveStore":
        from netbilld.adapters.database.live import LiveStore

        return LiveStore(self.connection)

    @cached_property
    def local_accounts(self) -> "LocalAccountStore":
        from netbilld.adapters.database.local_accounts import LocalAccountStore

        return LocalAccountStore(self.connection)

    @cached_property
    def locks(self) -> "LockStore":
        from netbilld.adapters.database.locks import LockStore

        return LockStore(self.connection)

    @cached_property
    def logins(self) -> "LoginStore":
        from netbilld.adapters.database.logins import LoginStore

        return LoginStore(self.connection)

    @cached_property
    def messengers(self) -> "MessengerStore":
        from netbilld.adapters.database.messengers import MessengerStore

        return MessengerStore(self.connection)

    @cached_property
    def meta(self) -> "MetaStore":
        from netbilld.adapters.database.meta import MetaStore

        return MetaStore(self.connection)

    @cached_property
    def meters(self) -> "MeterStore":
        from netbilld.adapters.database.meters import MeterStore

        return MeterStore(self.connection)

    @cached_property
    def money_views(self) -> "MoneyViewStore":
        from netbilld.adapters.database.readmodels.money_views import MoneyViewStore

        return MoneyViewStore(self.connection)

    @cached_property
    def nas(self) -> "NasStore":
        from netbilld.adapters.database.nas import NasStore

        return NasStore(self.connection)

    @cached_property
    def nas_health(self) -> "NasHealthStore":
        from netbilld.adapters.database.nas_health import NasHealthStore

        return NasHealthStore(self.connection)

    @cached_property
    def nodes(self) -> "NodeStore":
        from netbilld.adapters.database.nodes import NodeStore

        return NodeStore(self.connection)

    @cached_property
    def outages(self) -> "OutageStore":
        from netbilld.adapters.database.outages import OutageStore

        return OutageStore(self.connection)

    @cached_property
    def old_records(self) -> "OldRecordStore":
        from netbilld.adapters.database.old_records import OldRecordStore

        return OldRecordStore(self.connection)

    @cached_property
    def outbox(self) -> "OutboxStore":
        from netbilld.adapters.database.outbox import OutboxStore

        return OutboxStore(self.connection)

    @cached_property
    def own_business(self) -> "OwnBusinessStore":
        from netbilld.adapters.database.own_business import OwnBusinessStore

        return OwnBusinessStore(self.connection)

    @cached_property
    def parked(self) -> "ParkedPaymentStore":
        from netbilld.adapters.database.parked_payments import ParkedPaymentStore

        return ParkedPaymentStore(self.connection)

    @cached_property
    def payment_codes(self) -> "PaymentCodeStore":
        from netbilld.adapters.database.payment_codes import PaymentCodeStore

        return PaymentCodeStore(self.connection)

    @cached_property
    def paper(self) -> "PaperStore":
        from netbilld.adapters.database.paper import PaperStore

        return PaperStore(self.connection)

    @cached_property
    def passkeys(self) -> "PasskeyStore":
        from netbilld.adapters.database.passkeys import PasskeyStore

        return PasskeyStore(self.connection)

    @cached_property
    def payments(self) -> "PaymentStore":
        from netbilld.adapters.database.payments import PaymentStore

        return PaymentStore(self.connection)

    @cached_property
    def people(self) -> "PeopleStore":
        from netbilld.adapters.database.people_kept import PeopleStore

        return PeopleStore(self.connection)

    @cached_property
    def plans(self) -> "PlanStore":
        from netbilld.adapters.database.plans import PlanStore

        return PlanStore(self.connection)

    @cached_property
    def portal(self) -> "PortalStore":
        from netbilld.adapters.database.portal import PortalStore

        return PortalStore(self.connection)

    @cached_property
    def prepaid(self) -> "PrepaidStore":
        from netbilld.adapters.database.prepaid import PrepaidStore

        return PrepaidStore(self.connection)

    @cached_property
    def rating(self) -> "RatingStore":
        from netbilld.adapters.database.rating import RatingStore

        return RatingStore(self.connection)

    @cached_property
    def readmodels(self) -> "ReadModelStore":
        from netbilld.adapters.database.readmodels import ReadModelStore

        return ReadModelStore(self.connection)

    @cached_property
    def reports(self) -> "ReportStore":
        from netbilld.adapters.database.reports.store import ReportStore

        return ReportStore(self.connection)

    @cached_property
    def router_logins(self) -> "RouterLoginStore":
        from netbilld.adapters.database.router_logins import RouterLoginStore

        return RouterLoginStore(self.connection)

    @cached_property
    def services(self) -> "ServiceStore":
        from netbilld.adapters.database.services import ServiceStore

        return ServiceStore(self.connection)

    @cached_property
    def session_control(self) -> "SessionControlStore":
        from netbilld.adapters.database.session_control import SessionControlStore

        return SessionControlStore(self.connection)

    @cached_property
    def sessions(self) -> "SessionStore":
        from netbilld.adapters.database.sessions import SessionStore

        return SessionStore(self.connection)

    @cached_property
    def simulations(self) -> "SimulationStore":
        from netbilld.adapters.database.reports.simulated import SimulationStore

        return SimulationStore(self.connection)

    @cached_property
    def shared(self) -> "SharedStore":
        from netbilld.adapters.database.shared import SharedStore

        return SharedStore(self.connection)

    @cached_property
    def staff(self) -> "StaffStore":
        from netbilld.adapters.database.staff import StaffStore

        return StaffStore(self.connection)

    @cached_property
    def staff_alerts(self) -> "StaffAlertStore":
        from netbilld.adapters.database.staff_alerts import StaffAlertStore

        return StaffAlertStore(self.connection)

    @cached_property
    def static_lines(self) -> "StaticLineStore":
        from netbilld.adapters.database.static_lines import StaticLineStore

        return StaticLineStore(self.connection)

    @cached_property
    def subscribers(self) -> "SubscriberStore":
        from netbilld.adapters.database.subscribers import SubscriberStore

        return SubscriberStore(self.connection)

    @cached_property
    def terms(self) -> "TermsStore":
        from netbilld.adapters.database.terms import TermsStore

        return TermsStore(self.connection)

    @cached_property
    def tax_invoices(self) -> "TaxInvoiceStore":
        from netbilld.adapters.database.tax_invoices import TaxInvoiceStore

        return TaxInvoiceStore(self.connection)

    @cached_property
    def throughput(self) -> "ThroughputStore":
        from netbilld.adapters.database.throughput import ThroughputStore

        return ThroughputStore(self.connection)

    @cached_property
    def top_ups(self) -> "TopUpStore":
        from netbilld.adapters.database.top_ups import TopUpStore

        return TopUpStore(self.connection)

    @cached_property
    def usage(self) -> "UsageStore":
        from netbilld.adapters.database.usage import UsageStore

        return UsageStore(self.connection)

    @cached_property
    def usage_sums(self) -> "UsageSums":
        from netbilld.adapters.database.usage_sums import UsageSums

        return UsageSums(self.connection)

    @cached_property
    def holidays(self) -> "HolidayStore":
        from netbilld.adapters.database.holidays import HolidayStore

        return HolidayStore(self.connection)

    @cached_property
    def late_fees(self) -> "LateFeeStore":
        from netbilld.adapters.database.late_fees import LateFeeStore

        return LateFeeStore(self.connection)

    @cached_property
    def vouchers(self) -> "VoucherStore":
        from netbilld.adapters.database.vouchers import VoucherStore

        return VoucherStore(self.connection)

    @cached_property
    def voucher_orders(self) -> "VoucherOrderStore":
        from netbilld.adapters.database.voucher_orders import VoucherOrderStore

        return VoucherOrderStore(self.connection)

    @cached_property
    def whereabouts(self) -> "WhereaboutsQueries":
        from netbilld.adapters.database.in_areas import WhereaboutsQueries

        return WhereaboutsQueries(self.connection)

    @cached_property
    def webhooks(self) -> "WebhookStore":
        from netbilld.adapters.database.webhooks import WebhookStore

        return WebhookStore(self.connection)
