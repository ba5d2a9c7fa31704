"""A passkey: a key pair of somebody's device, or of what keeps their passwords, that signs them in (WebAuthn)."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey of one person; the private key never leaves where it was made.

    Attributes:
        rp_id: the host name that it was made for; it is worth nothing under another.
        credential_id: what the device calls it.
        public_key: as COSE, the way the device gave it.
        sign_count: the highest count that the device has told; 0 where it doesn't count.
        name: what its owner calls it.
        doubted_at: when its count last went back, as that of a copy does.
    """

    id: UUID
    staff_id: UUID
    rp_id: str
    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    name: str
    created_at: datetime
    used_at: datetime | None = None
    doubted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """What passkeys are made for and proven to: this panel as browsers know it.

    Attributes:
        rp_id: its host name.
        origin: scheme, host and port, as a browser writes them.
        name: what people call it.
    """

    rp_id: str
    origin: str
    name: str
