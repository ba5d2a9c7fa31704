"""A NAS as it says over SNMP that it is, and what is metered by it."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from netbilld.adapters.database.cross_checks import CrossCheckStore
from netbilld.adapters.database.devices import DeviceStore
from netbilld.adapters.database.queries import Queries, first_username
from netbilld.adapters.database.tables import meters, services, subscribers
from netbilld.services.device_view import DeviceMeter, DeviceView

_MOST_METERS: Final = 100
_AHEAD: Final = timedelta(days=366)


class DeviceQueries(Queries):
    """Queries by NAS."""

    async def device_view(self, nas_id: UUID, since_at: datetime) -> DeviceView:
        """Return how a device is, its meters, and hours since then of which accounting lacks something."""
        query = (
            select(
                meters.c.id,
                first_username(services.c.id).label("username"),
                subscribers.c.number.label("subscriber_no"),
                meters.c.key,
                meters.c.upload_octets,
                meters.c.download_octets,
                meters.c.state,
                meters.c.at,
            )
            .join(services, services.c.id == meters.c.service_id)
            .join(subscribers, subscribers.c.id == services.c.subscriber_id)
            .where(meters.c.nas_id == nas_id, meters.c.source == "snmp", meters.c.removed_at.is_(None))
            .order_by(meters.c.id)
            .limit(_MOST_METERS)
        )
        rows = [dict(row) for row in await self._rows(query)]
        return DeviceView(
            await DeviceStore(self._connection).state(nas_id),
            [DeviceMeter(**{**row, "username": row["username"] or ""}) for row in rows],
            await CrossCheckStore(self._connection).lines(since_at, since_at + _AHEAD, nas_id=nas_id),
        )
