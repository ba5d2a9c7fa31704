"""Where a subscriber is reached is where one-time codes go: who changes it proves who they are, and the old is told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.model.subscriber import Subscriber
from netbilld.ports.outbox import Message, MessageKind, Outbox

REACHED_BY: Final = ("phone", "email")


class Confirms(Protocol):
    """One-time codes to somebody who is signed in."""

    async def confirm(self, subscriber_id: UUID, code: str, source: str, now: datetime) -> bool:
        """Use up a code that was sent to a subscriber; False where it is not right, or too many were tried."""
        ...


async def tell_old_address(outbox: Outbox, before: Subscriber, told: Mapping[str, Any], now: datetime) -> None:
    """Tell where somebody was reached until now that this is no longer so; nothing where they were not.

    Args:
        outbox: of the transaction that changes it.
        before: the subscriber as they were.
        told: what changes, by field.
        now: when.
    """
    what = [name for name in REACHED_BY if name in told]
    if not what or not (before.email or before.phone):
        return
    context = {
        "at": now.isoformat(),
        "has_new_email": "email" in what,
        "has_new_phone": "phone" in what,
        # the telephone goes before e-mail: it is told only where it is what changes, or there was nothing else
        "told_at": {"email": before.email, "phone": before.phone if "phone" in what or not before.email else None},
    }
    key = f"contact_changed:{before.id}:{now.isoformat()}"
    await outbox.add(Message(MessageKind.CONTACT_CHANGED, before.id, context, key), now)
