"""An account for the prompt of a router, which is nobody's who subscribes."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RouterLogin:
    """A router account as it is kept; the sealed secrets stay out of a repr.

    Attributes:
        router_group: what it may do there: RouterOS's user group, Cisco's privilege level.
        nas_id: the one NAS it opens; None for every one.
        nas_name: the name of that NAS.
    """

    id: UUID
    name: str
    name_key: str
    router_group: str
    nas_id: UUID | None
    password_sealed: bytes = field(repr=False)
    created_at: datetime
    nas_name: str | None = None


def password_place(login_id: UUID) -> str:
    """Return where the sealed password of a router account belongs."""
    return f"router_login.password:{login_id}"
