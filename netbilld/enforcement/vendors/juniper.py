"""Juniper MX with Junos subscriber management, and ERX: services with parameters.

Source: Juniper's subscriber management pages; attribute numbers of vendor 4874.
"""

from typing import Final

from netbilld.billing.plan import Speed
from netbilld.enforcement.vendors.identity import session_id, user_name
from netbilld.enforcement.vendors.interface import Vendor, Wall
from netbilld.enforcement.vendors.speeds import rate_word
from netbilld.radius.attributes import ERX_IPV6_DELEGATED_POOL_NAME, ERX_SERVICE_ACTIVATE
from netbilld.radius.values import encode_text

_SERVICE: Final = "svc-internet"
# Tags keep the services of one Access-Accept apart (RFC 2868 §3.3).
_INTERNET_TAG: Final = b"\x01"
_WALL_TAG: Final = b"\x02"


def _rate(speed: Speed) -> list[tuple[int, bytes]]:
    down, up = (rate_word(rate_bps, "k", "m") for rate_bps in (speed.down_bps, speed.up_bps))
    service = f"{speed.nas_profile or _SERVICE}({down},{up})"
    return [(ERX_SERVICE_ACTIVATE, _INTERNET_TAG + encode_text(service))]


def _walled_service(name: str) -> list[tuple[int, bytes]]:
    return [(ERX_SERVICE_ACTIVATE, _WALL_TAG + encode_text(name))]


VENDOR: Final = Vendor(
    name="juniper",
    title="Juniper MX (Junos)",
    rate=_rate,
    walled_list=_walled_service,
    delegated_pools=(ERX_IPV6_DELEGATED_POOL_NAME,),
    wall=Wall.POOL,
    identity=(session_id, user_name),
    notes=(
        "A speed is the dynamic service svc-internet(DOWN,UP), or speed.nas_profile in its place: svc-gold(20m,5m).",
        "A new speed ends the session, and the next log-in gets it: a service that runs is not changed by CoA.",
        "By list, the walled list is the dynamic service that redirects.",
        "Sessions of services report counters of their own (PARENT:ID); leave service accounting off.",
    ),
)
