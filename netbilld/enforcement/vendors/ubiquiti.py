"""Ubiquiti UniFi access points and hotspots, airOS radios. EdgeRouter PPPoE is accel-ppp.

Source: FreeRADIUS's dictionary for the numbers; airOS rates are taken for bit/s. Orders: hostapd, radius_das.c.
"""

from typing import Final

from netbilld.billing.plan import Speed
from netbilld.enforcement.vendors.identity import session_id, station, user_name
from netbilld.enforcement.vendors.interface import Vendor, Wall
from netbilld.enforcement.vendors.places import tunnel_vlan
from netbilld.enforcement.vendors.speeds import wispr_bandwidth
from netbilld.radius.attributes import UBNT_DATA_BURST_DL, UBNT_DATA_BURST_UL, UBNT_DATA_RATE_DL, UBNT_DATA_RATE_UL


def _rate(speed: Speed) -> list[tuple[int, bytes]]:
    """Return WISPr bandwidths for UniFi and 64-bit rates for airOS; each passes over the other's."""
    airos = [(UBNT_DATA_RATE_DL, speed.down_bps), (UBNT_DATA_RATE_UL, speed.up_bps)]
    if speed.burst is not None:
        airos += [(UBNT_DATA_BURST_DL, speed.burst.down_bps), (UBNT_DATA_BURST_UL, speed.burst.up_bps)]
    return wispr_bandwidth(speed) + [(key, rate_bps.to_bytes(8, "big")) for key, rate_bps in airos]


VENDOR: Final = Vendor(
    name="ubiquiti",
    title="Ubiquiti UniFi, airOS",
    rate=_rate,
    has_burst=True,
    has_minimum=True,
    vlan=tunnel_vlan,
    pool=None,
    ipv6_pool=None,
    delegated_pools=(),
    wall=Wall.LIST,
    event_timestamp=True,
    identity=(user_name, session_id, station),
    notes=(
        "It takes Disconnect and no CoA: a new speed comes with the next log-in.",
        "The wall is the VLAN enforcement.walled_vlan; without one who is walled is refused.",
        "For PPPoE on an EdgeRouter use vendor accel-ppp.",
    ),
)
