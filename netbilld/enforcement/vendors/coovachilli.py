"""CoovaChilli and ChilliSpot hotspots, as on OpenWrt.

Source: its attributes file and source code. Input is what the user may send.
"""

from typing import Final

from netbilld.billing.plan import Speed
from netbilld.enforcement.vendors.interface import Vendor, VolumeWords
from netbilld.enforcement.vendors.places import filter_id
from netbilld.enforcement.vendors.speeds import kilobits, wispr_bandwidth
from netbilld.radius.attributes import (
    CHILLISPOT_BANDWIDTH_MAX_DOWN,
    CHILLISPOT_BANDWIDTH_MAX_UP,
    CHILLISPOT_MAX_INPUT_GIGAWORDS,
    CHILLISPOT_MAX_INPUT_OCTETS,
    CHILLISPOT_MAX_OUTPUT_GIGAWORDS,
    CHILLISPOT_MAX_OUTPUT_OCTETS,
    CHILLISPOT_MAX_TOTAL_GIGAWORDS,
    CHILLISPOT_MAX_TOTAL_OCTETS,
)


def _rate(speed: Speed) -> list[tuple[int, bytes]]:
    """Return WISPr bandwidths in bit/s, and its own in kbit/s, which it reads after them."""
    return [
        *wispr_bandwidth(speed),
        (CHILLISPOT_BANDWIDTH_MAX_UP, kilobits(speed.up_bps)),
        (CHILLISPOT_BANDWIDTH_MAX_DOWN, kilobits(speed.down_bps)),
    ]


VENDOR: Final = Vendor(
    name="coovachilli",
    title="CoovaChilli",
    rate=_rate,
    unit_bps=1_000,
    has_minimum=True,
    coa_rate=True,
    full_set=True,
    walled_list=filter_id,
    ipv6_pool=None,
    delegated_pools=(),
    volume=VolumeWords(
        upload=(CHILLISPOT_MAX_INPUT_OCTETS, CHILLISPOT_MAX_INPUT_GIGAWORDS),
        download=(CHILLISPOT_MAX_OUTPUT_OCTETS, CHILLISPOT_MAX_OUTPUT_GIGAWORDS),
        total=(CHILLISPOT_MAX_TOTAL_OCTETS, CHILLISPOT_MAX_TOTAL_GIGAWORDS),
    ),
    # User-Name first and always: without it there is no answer at all. Without the session all of the user's are hit.
    notes=(
        "Orders need `coaport`, a build with CoA, and netbilld's address as radiusserver1 or 2, or `coanoipcheck`.",
        "With `swapoctets` set, use `nas set NAME --swap-octets`.",
        "A CoA carries the whole reply, since it resets what is missing.",
    ),
)
