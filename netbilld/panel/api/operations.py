"""Every operation there is."""

from typing import Final

from netbilld.panel.api import (
    arrears,
    bank_rows,
    buyers,
    channels,
    complaints,
    enforcement,
    invoice_changes,
    invoice_paper,
    invoices,
    notes,
    own_token,
    parked,
    payments,
    plans,
    reports,
    service_terms,
    services,
    sessions,
    subscribers,
    usage,
    wallets,
)
from netbilld.panel.api.endpoint import Endpoint

OPERATIONS: Final[tuple[Endpoint, ...]] = (
    *own_token.ENDPOINTS,
    *subscribers.ENDPOINTS,
    *notes.ENDPOINTS,
    *buyers.ENDPOINTS,
    *channels.ENDPOINTS,
    *arrears.ENDPOINTS,
    *services.ENDPOINTS,
    *service_terms.ENDPOINTS,
    *plans.ENDPOINTS,
    *invoices.ENDPOINTS,
    *invoice_changes.ENDPOINTS,
    *invoice_paper.ENDPOINTS,
    *payments.ENDPOINTS,
    *wallets.ENDPOINTS,
    *parked.ENDPOINTS,
    *bank_rows.ENDPOINTS,
    *usage.ENDPOINTS,
    *sessions.ENDPOINTS,
    *enforcement.ENDPOINTS,
    *complaints.ENDPOINTS,
    *reports.ENDPOINTS,
)
