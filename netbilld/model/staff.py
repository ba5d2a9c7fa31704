"""A member of the staff: who signs in to the panel."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from netbilld.model.permissions import Role


@dataclass(frozen=True, slots=True)
class Staff:
    """One person.

    Attributes:
        must_change_password: after a password somebody else made for them.
        phone: where they are reached; as written.
        areas: where they may look; none is everywhere.
        totp_sealed: the secret of their code generator, sealed; there may be one that they haven't confirmed yet.
        totp_since_at: since when a code is asked of them; None while none is.
        passkey_since_at: since when they have a passkey; None while they have none.
        totp_last_step: the newest time step of which a code was taken: it and those before are worth nothing.
    """

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
    phone: str | None = None
    areas: tuple[str, ...] = ()
    totp_sealed: bytes | None = field(default=None, repr=False)
    totp_since_at: datetime | None = None
    totp_last_step: int = 0
    passkey_since_at: datetime | None = None

    @property
    def has_second_factor(self) -> bool:
        """Return whether a password alone does not sign them in."""
        return self.totp_since_at is not None or self.passkey_since_at is not None


def email_key(email: str) -> str:
    """Return what makes an e-mail address unique: letter case does not count."""
    return email.strip().casefold()
