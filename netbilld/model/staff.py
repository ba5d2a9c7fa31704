"""A member of the staff: who signs in to the panel."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from netbilld.model.permissions import Role


@dataclass(frozen=True, slots=True)
class Staff:
    """One person; `must_change_password` after a password somebody else made for them."""

    id: UUID
    email: str
    email_key: str
    name: str
    password_hash: str = field(repr=False)
    role: Role
    active: bool
    must_change_password: bool
    locale: str | None
    created_at: datetime


def email_key(email: str) -> str:
    """Return what makes an e-mail address unique: letter case does not count."""
    return email.strip().casefold()
