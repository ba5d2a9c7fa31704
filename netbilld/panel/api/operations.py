"""Every operation there is."""

from typing import Final

from netbilld.panel.api import (
    complaints,
    enforcement,
    invoice_changes,
    invoices,
    own_token,
    payments,
    plans,
    reports,
    services,
    sessions,
    subscribers,
    usage,
)
from netbilld.panel.api.endpoint import Endpoint

OPERATIONS: Final[tuple[Endpoint, ...]] = (
    *own_token.ENDPOINTS,
    *subscribers.ENDPOINTS,
    *services.ENDPOINTS,
    *plans.ENDPOINTS,
    *invoices.ENDPOINTS,
    *invoice_changes.ENDPOINTS,
    *payments.ENDPOINTS,
    *usage.ENDPOINTS,
    *sessions.ENDPOINTS,
    *enforcement.ENDPOINTS,
    *complaints.ENDPOINTS,
    *reports.ENDPOINTS,
)
