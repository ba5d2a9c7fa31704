"""A token of the JSON API: a program's right to some of what staff may do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from netbilld.model.permissions import Permission

SCOPES: Final = (  # the rights that requests of the API need; who may do what with it is no business of the API
    Permission.VIEW_SUBSCRIBERS,
    Permission.EDIT_SUBSCRIBERS,
    Permission.VIEW_USAGE,
    Permission.CONTROL_SESSIONS,
    Permission.VIEW_PLANS,
    Permission.EDIT_PLANS,
    Permission.VIEW_MONEY,
    Permission.RECORD_PAYMENTS,
    Permission.EDIT_MONEY,
    Permission.VIEW_COMPLAINTS,
    Permission.EDIT_COMPLAINTS,
)
DEFAULT_RATE_PER_MINUTE: Final = 600
MOST_RATE_PER_MINUTE: Final = 60_000


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What is known of a token; the token itself is shown once and kept nowhere.

    Attributes:
        hint: how the token begins, to tell it from others.
        scopes: what it may do.
        areas: whose subscribers it may see and change; none is everybody's.
        rate_per_minute: how many requests it may make.
    """

    id: UUID
    name: str
    hint: str
    scopes: frozenset[Permission]
    rate_per_minute: int
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    last_used_at: datetime | None = None
    last_used_from: str | None = None
    areas: tuple[str, ...] = ()

    def state(self, now: datetime) -> str:
        """Return `valid`, `revoked` or `expired`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"

    def may(self, permission: Permission) -> bool:
        """Tell whether it has that right."""
        return permission in self.scopes
