"""What a service is due, as it is kept: with its cause and since when."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from netbilld.enforcement.policy import Entitlement
from netbilld.enforcement.profile import Access, ServiceProfile


@dataclass(frozen=True, slots=True)
class DesiredService:
    """An entitlement on record.

    Attributes:
        reason: a word of `netbilld.enforcement.policy.Reason`.
        cause: what made us look when it last changed: usage, payment.add, plan.set, timer and so on.
        since_at: when access, reason or profile last changed.
        until_at: when time alone may change it.
        caused_at: when that cause came about, told while it is decided on and not kept here; None where it isn't known.
    """

    service_id: UUID
    access: Access
    reason: str
    profile: ServiceProfile
    profile_key: str
    cause: str
    since_at: datetime
    until_at: datetime | None
    caused_at: datetime | None = field(default=None, compare=False)

    def same_as(self, other: "DesiredService") -> bool:
        """Tell whether access, reason and profile are the same."""
        return (self.access, self.reason, self.profile_key) == (other.access, other.reason, other.profile_key)


def renewed(
    previous: DesiredService | None, service_id: UUID, due: Entitlement, cause: str, now: datetime
) -> DesiredService:
    """Return what is to be kept now; `previous` itself where nothing has changed.

    A new `until_at` alone keeps cause and `since_at`.
    """
    wanted = DesiredService(
        service_id, due.access, str(due.reason), due.profile, due.profile.key, cause, now, due.until_at
    )
    if previous is None or not wanted.same_as(previous):
        return wanted
    if previous.until_at == due.until_at:
        return previous
    return replace(wanted, cause=previous.cause, since_at=previous.since_at)
