"""What a vendor's NAS can do, in words for operators."""

from typing import Final

from netbilld.enforcement.vendors.interface import Vendor, Wall, WallBy
from netbilld.radius.attributes import (
    ACCT_SESSION_ID,
    CALLING_STATION_ID,
    FRAMED_IP_ADDRESS,
    NAS_IP_ADDRESS,
    SERVICE_TYPE,
    USER_NAME,
)

_MARKS: Final = {
    ACCT_SESSION_ID: "Acct-Session-Id",
    CALLING_STATION_ID: "Calling-Station-Id",
    FRAMED_IP_ADDRESS: "Framed-IP-Address",
    NAS_IP_ADDRESS: "NAS-IP-Address",
    SERVICE_TYPE: "Service-Type",
    USER_NAME: "User-Name",
}
_WALLS: Final = {
    Wall.POOL: "by pool",
    Wall.LIST: "by list",
    Wall.POOL_AND_LIST: "by pool and list",
    Wall.REJECT: "refused, with a Reply-Message",
}


def walls_offered(vendor: Vendor) -> tuple[WallBy, ...]:
    """Return the ways it can hold who is walled; to refuse is always one."""
    offered: list[WallBy] = []
    if vendor.pool is not None:
        offered.append("pool")
    if vendor.walled_list is not None or vendor.vlan is not None:
        offered.append("list")
    return (*offered, "reject")


def capability_words(vendor: Vendor, wall_by: str | None) -> dict[str, str]:
    """Return what it can do, a few words each: speed, walled garden, volume limit, orders."""
    return {
        "speed": _speed(vendor),
        "walled": _walled(vendor, wall_by),
        "volume_limit": _volume(vendor),
        "orders": _orders(vendor),
    }


def _speed(vendor: Vendor) -> str:
    if vendor.rate is None:
        return "none"
    if vendor.coa_rate:
        return "at log-in, and by CoA while a session runs"
    return "at log-in; a new one ends the session" if vendor.orders else "at log-in"


def _walled(vendor: Vendor, wall_by: str | None) -> str:
    if wall_by is not None:
        return _WALLS[Wall(wall_by)]
    if vendor.wall is vendor.hotspot_wall:
        return _WALLS[vendor.wall]
    return f"{_WALLS[vendor.wall]}; on a hotspot {_WALLS[vendor.hotspot_wall]}"


def _volume(vendor: Vendor) -> str:
    words = vendor.volume
    if words is None:
        return "none"
    parts = [name for name, keys in (("upload", words.upload), ("download", words.download)) if keys]
    if words.total:
        parts.append("total on hotspots" if words.total_on_hotspots_only else "total")
    return ", ".join(parts)


def _orders(vendor: Vendor) -> str:
    if not vendor.orders:
        return "none"
    kinds = "CoA and Disconnect" if vendor.coa_rate or vendor.coa_wall else "Disconnect"
    marks = ", ".join(_MARKS[key] for key in vendor.identity_keys)
    return f"{kinds}; a session is known by {marks}"
