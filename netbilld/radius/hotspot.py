"""Whether a log-in is one to a hotspot, which decides how its NAS makes a walled garden."""

from typing import Final

from netbilld.radius.attributes import (
    FRAMED_PROTOCOL,
    MIKROTIK_HOST_IP,
    SERVICE_TYPE,
    WISPR_LOCATION_ID,
    WISPR_LOCATION_NAME,
    WISPR_LOGOFF_URL,
)
from netbilld.radius.codes import ServiceType
from netbilld.radius.packet import Packet

# What is put behind a NAS's reply key where a reply depends on the service.
HOTSPOT_REPLY: Final = "hotspot"
FRAMED_REPLY: Final = "framed"

_LOGIN_USER: Final = ServiceType.LOGIN_USER.to_bytes(4, "big")
_HOTSPOT_MARKS: Final = frozenset((MIKROTIK_HOST_IP, WISPR_LOCATION_ID, WISPR_LOCATION_NAME, WISPR_LOGOFF_URL))


def is_hotspot(packet: Packet) -> bool:
    """Tell whether a subscriber logs in through a hotspot's page: by its marks, or Service-Type Login-User."""
    attributes = packet.attributes
    if FRAMED_PROTOCOL in attributes:
        return False
    return not _HOTSPOT_MARKS.isdisjoint(attributes) or attributes.get(SERVICE_TYPE) == _LOGIN_USER
