"""Cisco IOS, IOS-XE and IOS-XR as BNG: policy maps by name, ISG services.

Source: Cisco's guides «Define Interface Policy-Map AV Pairs AAA» and «ISG RADIUS»; names as operators use them.
"""

from typing import Final

from netbilld.billing.plan import Speed
from netbilld.enforcement.vendors.identity import session_id, user_name
from netbilld.enforcement.vendors.interface import Vendor, Wall
from netbilld.enforcement.vendors.places import tunnel_vlan
from netbilld.enforcement.vendors.speeds import rate_word
from netbilld.radius.attributes import CISCO_ACCOUNT_INFO, CISCO_AVPAIR
from netbilld.radius.values import encode_text

_COA_PORT: Final = 1700


def _rate(speed: Speed) -> list[tuple[int, bytes]]:
    """Return the names of two policy maps; `in` is from the subscriber."""
    up, down = (speed.nas_profile or rate_word(rate_bps, "K") for rate_bps in (speed.up_bps, speed.down_bps))
    return [
        (CISCO_AVPAIR, encode_text(f"ip:sub-qos-policy-in={up}_UP")),
        (CISCO_AVPAIR, encode_text(f"ip:sub-qos-policy-out={down}_DOWN")),
    ]


def _service(name: str) -> list[tuple[int, bytes]]:
    return [(CISCO_ACCOUNT_INFO, encode_text(f"A{name}"))]


VENDOR: Final = Vendor(
    name="cisco",
    title="Cisco IOS, IOS-XE, IOS-XR",
    rate=_rate,
    walled_list=_service,
    vlan=tunnel_vlan,
    wall=Wall.POOL,
    identity=(session_id, user_name),
    coa_port=_COA_PORT,
    notes=(
        "A speed is two policy maps by name: 5M_UP and 20M_DOWN, or NAME_UP and NAME_DOWN with speed.nas_profile.",
        "Orders go to port 1700 unless `aaa server radius dynamic-author` has `port 3799`.",
        "A new speed ends the session, and the next log-in gets it: not every release applies policy maps by CoA.",
        "By list, the walled list is the ISG service that redirects.",
    ),
)
