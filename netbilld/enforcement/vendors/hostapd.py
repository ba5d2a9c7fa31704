"""hostapd: access points of OpenWrt and others, wired 802.1X.

Source: its source code, radius_das.c: what it does not know in a Disconnect it refuses (401).
"""

from typing import Final

from netbilld.enforcement.vendors.identity import session_id, station, user_name
from netbilld.enforcement.vendors.interface import Vendor, Wall
from netbilld.enforcement.vendors.places import tunnel_vlan

VENDOR: Final = Vendor(
    name="hostapd",
    title="hostapd",
    vlan=tunnel_vlan,
    pool=None,
    ipv6_pool=None,
    delegated_pools=(),
    wall=Wall.LIST,
    event_timestamp=True,
    identity=(user_name, session_id, station),
    notes=(
        "It takes no speed, and Disconnect only: set radius_das_port and radius_das_client.",
        "Orders carry what radius_das_require_event_timestamp=1 and …_message_authenticator=1 ask for.",
        "The wall is the VLAN enforcement.walled_vlan; without one who is walled is refused.",
    ),
)
