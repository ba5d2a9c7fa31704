"""The outage that a subscriber is in, as the portal's front pages say it."""

from uuid import UUID

from netbilld.model.outage import Outage
from netbilld.panel.portal.parts import Portal


async def outage_of(portal: Portal, subscriber_id: UUID) -> Outage | None:
    """Return the outage that a subscriber is in now; None for none, or where complaints are not taken."""
    if portal.parts.complaints is None:
        return None
    async with portal.parts.complaints.store.read() as work:
        return await work.outages.running_for(subscriber_id)
