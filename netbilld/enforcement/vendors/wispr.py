"""Hotspots that speak the WISPr attributes and have no file of their own here: OPNsense, pfSense, Fortinet, others.

Source: the Wi-Fi Alliance's WISPr 1.0, annex D: bit/s, from the client's point of view.
"""

from typing import Final

from netbilld.enforcement.vendors.interface import Vendor
from netbilld.enforcement.vendors.places import filter_id
from netbilld.enforcement.vendors.speeds import WORD_BPS, wispr_bandwidth

VENDOR: Final = Vendor(
    name="wispr",
    title="any other hotspot, by WISPr",
    rate=wispr_bandwidth,
    most_bps=WORD_BPS,
    has_minimum=True,
    coa_rate=True,
    full_set=True,
    walled_list=filter_id,
    notes=(
        "A CoA carries the whole reply, since some reset what is missing; a refused one is followed by a Disconnect.",
        "Some portals swap upload and download: `nas set NAME --swap-octets`.",
    ),
)
