"""OrderWays: sends each order by its door, RADIUS or the router's API."""

from netbilld.enforcement.actions import Disconnect, EnterList, LeaveList, Order, SessionHandle, Via
from netbilld.services.nas_control import NasControl, NasTarget, Outcome


class OrderWays:
    """Two ways to a NAS; a `NasControl`."""

    def __init__(self, over_radius: NasControl, over_api: NasControl) -> None:
        self._over_radius = over_radius
        self._over_api = over_api

    async def apply(self, nas: NasTarget, session: SessionHandle, order: Order, class_value: bytes) -> Outcome:
        """Return what came of one order; see `NasControl`."""
        is_list = isinstance(order, EnterList | LeaveList)
        by_api = is_list or (isinstance(order, Disconnect) and order.via is Via.API)
        way = self._over_api if by_api else self._over_radius
        return await way.apply(nas, session, order, class_value)
