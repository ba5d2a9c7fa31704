"""What is known of a service when it is asked what it is due, at noon of a day in the middle of its period."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from netbilld.billing.plan import Speed
from netbilld.billing.standing import Standing, StandingKind
from netbilld.enforcement.policy import PeriodUsage, ServiceFacts, ServiceStatus
from netbilld.enforcement.profile import WalledGarden
from tests.builders.plans import plan

ZONE: Final = "Asia/Jakarta"  # UTC+7, no daylight saving
NOW: Final = datetime(2025, 3, 17, 5, 0, tzinfo=UTC)  # noon there; the period of billing day 10 began on the 10th
PERIOD_START: Final = date(2025, 3, 10)
PERIOD_END_AT: Final = datetime(2025, 4, 9, 17, 0, tzinfo=UTC)  # 00:00 of 10 April there
GARDEN: Final = WalledGarden("isolir", "isolir-list", Speed(256_000, 128_000))
CURRENT: Final = Standing(StandingKind.CURRENT, 0, None)
OVERDUE: Final = Standing(StandingKind.OVERDUE, 200_000, None)
SERVICE_ID: Final = UUID(int=7)
_FACTS: Final = ServiceFacts(
    service_id=SERVICE_ID,
    status=ServiceStatus.ACTIVE,
    plan=plan(),
    billing_day=10,
    timezone=ZONE,
    usage=None,
    standing=CURRENT,
    wallet_minor=0,
    paid_until_on=None,
    static_ip=None,
)


def service_facts(**changes: Any) -> ServiceFacts:
    """Return an active postpaid service that owes nothing and has used nothing, but for `changes`."""
    return replace(_FACTS, **changes)


def used(upload_octets: int, download_octets: int, start_on: date = PERIOD_START) -> PeriodUsage:
    """Return what was metered in the running period, or in the one that began on `start_on`."""
    return PeriodUsage(start_on, upload_octets, download_octets)
