"""An address that was given to a service: while a session holds it nobody else gets it, afterwards it is remembered."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class AddressLease:
    """The one row of an address of a pool, once it has been given out.

    Attributes:
        address: as text; an IPv6 prefix in CIDR form.
        session_key: the station that logged in, which tells two sessions of one service apart; None for unknown.
        taken_at: when it was last given in an Access-Accept.
        held_until_at: until when a Start is waited for; None once a session has been seen with it.
        released_at: since when it is free, and only remembered; None while it is held or in use.
    """

    pool_id: UUID
    address: str
    service_id: UUID
    nas_id: UUID
    session_key: str | None
    taken_at: datetime
    held_until_at: datetime | None = None
    released_at: datetime | None = None

    @property
    def is_free(self) -> bool:
        return self.released_at is not None

    def is_of(self, service_id: UUID, nas_id: UUID, session_key: str | None) -> bool:
        """Tell whether it is this very station's on this NAS, so that a new log-in of it takes the place of the old."""
        return (
            session_key is not None
            and self.session_key == session_key
            and self.service_id == service_id
            and self.nas_id == nas_id
        )
