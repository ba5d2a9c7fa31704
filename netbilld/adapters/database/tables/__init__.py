"""The schema, as SQLAlchemy Core tables; migrations/ brings a database to it.

Three conventions hold everywhere: business objects carry random UUIDs, records and logs 64-bit integers; instants are
UTC and come back aware; money is whole minor units and octets are whole, both in 64 bits.
"""

from netbilld.adapters.database.tables.addresses import address_leases, address_pools
from netbilld.adapters.database.tables.allowances import (
    allowance_periods,
    allowance_thresholds,
    allowance_uses,
    rollovers,
    usage_windows,
)
from netbilld.adapters.database.tables.api import (
    api_answers,
    api_tokens,
    webhook_deliveries,
    webhook_marks,
    webhooks,
)
from netbilld.adapters.database.tables.base import SCHEMA_VERSION, WHERE, Instant, RecordId, meta, metadata
from netbilld.adapters.database.tables.billing import (
    billed_fees,
    billed_usage,
    billing_runs,
    billing_states,
    parked_bills,
)
from netbilld.adapters.database.tables.books import closed_months, write_offs
from netbilld.adapters.database.tables.brake import brake, brake_holds
from netbilld.adapters.database.tables.catalogue import (
    areas,
    coupon_uses,
    coupons,
    customer_groups,
    shared_allowances,
    shared_services,
    top_ups,
)
from netbilld.adapters.database.tables.changes import changes, idempotency
from netbilld.adapters.database.tables.devices import cross_checks, devices, meter_doubts, meters
from netbilld.adapters.database.tables.doubts import usage_corrections, usage_doubts
from netbilld.adapters.database.tables.dunning import (
    due_extensions,
    dunning_exemptions,
    dunning_rules,
    dunning_steps,
    holidays,
    isolirs,
    late_fees,
    promises,
)
from netbilld.adapters.database.tables.effects import alerts, effects
from netbilld.adapters.database.tables.enforcement import desired, enforcement_attempts, observed, pending_orders
from netbilld.adapters.database.tables.metering import (
    accounting_records,
    auth_attempts,
    journal_cursors,
    nas_samples,
    sessions,
    throughput_samples,
    usage_days,
    usage_hours,
    usage_marks,
    usage_months,
    usage_nas_days,
    usage_nas_hours,
    usage_periods,
    usage_slices,
)
from netbilld.adapters.database.tables.money import (
    accounts,
    allocations,
    counters,
    invoice_lines,
    invoices,
    ledger_entries,
    payments,
    postings,
)
from netbilld.adapters.database.tables.money_in import (
    bank_mappings,
    bank_rows,
    collectors,
    handovers,
    parked_payments,
    payment_codes,
    refunds,
)
from netbilld.adapters.database.tables.mqtt import mqtt_retained
from netbilld.adapters.database.tables.nas import local_accounts, nas
from netbilld.adapters.database.tables.nodes import duty_terms, nodes
from netbilld.adapters.database.tables.outbox import message_choices, outbox
from netbilld.adapters.database.tables.overshoot import nas_readings, quota_crossings
from netbilld.adapters.database.tables.paper import paper_invoices, paper_steps
from netbilld.adapters.database.tables.people import (
    credentials,
    plan_versions,
    plans,
    router_logins,
    service_locks,
    services,
    subscribers,
)
from netbilld.adapters.database.tables.staff import login_failures, logins, recovery_codes, staff
from netbilld.adapters.database.tables.static_lines import static_attempts, static_lines, static_routers, static_states
from netbilld.adapters.database.tables.taxes import buyers, document_stamps, levy_deductions, tax_invoices
from netbilld.adapters.database.tables.terms import service_stops, service_terms

__all__ = [
    "SCHEMA_VERSION",
    "WHERE",
    "Instant",
    "RecordId",
    "accounting_records",
    "accounts",
    "address_leases",
    "address_pools",
    "alerts",
    "allocations",
    "allowance_periods",
    "allowance_thresholds",
    "allowance_uses",
    "api_answers",
    "api_tokens",
    "areas",
    "auth_attempts",
    "bank_mappings",
    "bank_rows",
    "billed_fees",
    "billed_usage",
    "billing_runs",
    "billing_states",
    "brake",
    "brake_holds",
    "buyers",
    "changes",
    "closed_months",
    "collectors",
    "counters",
    "coupon_uses",
    "coupons",
    "credentials",
    "cross_checks",
    "customer_groups",
    "desired",
    "devices",
    "document_stamps",
    "due_extensions",
    "dunning_exemptions",
    "dunning_rules",
    "dunning_steps",
    "duty_terms",
    "effects",
    "enforcement_attempts",
    "handovers",
    "holidays",
    "idempotency",
    "invoice_lines",
    "invoices",
    "isolirs",
    "journal_cursors",
    "late_fees",
    "ledger_entries",
    "levy_deductions",
    "local_accounts",
    "login_failures",
    "logins",
    "message_choices",
    "meta",
    "metadata",
    "meter_doubts",
    "meters",
    "mqtt_retained",
    "nas",
    "nas_readings",
    "nas_samples",
    "nodes",
    "observed",
    "outbox",
    "paper_invoices",
    "paper_steps",
    "parked_bills",
    "parked_payments",
    "payment_codes",
    "payments",
    "pending_orders",
    "plan_versions",
    "plans",
    "postings",
    "promises",
    "quota_crossings",
    "recovery_codes",
    "refunds",
    "rollovers",
    "router_logins",
    "service_locks",
    "service_stops",
    "service_terms",
    "services",
    "sessions",
    "shared_allowances",
    "shared_services",
    "staff",
    "static_attempts",
    "static_lines",
    "static_routers",
    "static_states",
    "subscribers",
    "tax_invoices",
    "throughput_samples",
    "top_ups",
    "usage_corrections",
    "usage_days",
    "usage_doubts",
    "usage_hours",
    "usage_marks",
    "usage_months",
    "usage_nas_days",
    "usage_nas_hours",
    "usage_periods",
    "usage_slices",
    "usage_windows",
    "webhook_deliveries",
    "webhook_marks",
    "webhooks",
    "write_offs",
]
