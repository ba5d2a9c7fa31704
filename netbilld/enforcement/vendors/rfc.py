"""Any NAS: what the RFCs alone offer, which is no rate (RFC 2865, 2869, 3162, 3580, 4818, 5176, 6911)."""

from typing import Final

from netbilld.enforcement.vendors.interface import Vendor, Wall
from netbilld.enforcement.vendors.places import filter_id, tunnel_vlan

VENDOR: Final = Vendor(
    name="rfc",
    title="any other, by the RFCs",
    walled_list=filter_id,
    vlan=tunnel_vlan,
    wall=Wall.POOL_AND_LIST,
    event_timestamp=True,
    notes=("It takes no speed. The walled list is the name of a filter (Filter-Id).",),
)
