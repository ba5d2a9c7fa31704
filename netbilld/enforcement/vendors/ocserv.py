"""ocserv (OpenConnect VPN) through radcli.

Source: its source code, auth/radius.c and worker-bandwidth. Its limits are in kilobytes a second, as its own setting
divided by 1000, although the attributes' first owner meant kbit/s.
"""

from typing import Final

from netbilld.billing.plan import Speed
from netbilld.enforcement.vendors.interface import Vendor
from netbilld.radius.attributes import RP_DOWNSTREAM_SPEED_LIMIT, RP_UPSTREAM_SPEED_LIMIT
from netbilld.radius.values import encode_integer

_BITS_A_KILOBYTE: Final = 8_000


def _rate(speed: Speed) -> list[tuple[int, bytes]]:
    return [
        (RP_UPSTREAM_SPEED_LIMIT, _kilobytes(speed.up_bps)),
        (RP_DOWNSTREAM_SPEED_LIMIT, _kilobytes(speed.down_bps)),
    ]


def _kilobytes(rate_bps: int) -> bytes:
    return encode_integer(min(-(-rate_bps // _BITS_A_KILOBYTE), 2**31 - 1))


VENDOR: Final = Vendor(
    name="ocserv",
    title="ocserv",
    rate=_rate,
    unit_bps=_BITS_A_KILOBYTE,
    orders=False,
    pool=None,
    ipv6_pool=None,
    delegated_pools=(),
    idle_timeout=False,
    notes=(
        "It takes no orders: what changes comes with the next log-in; `occtl disconnect user NAME` ends a session.",
        "It has no pool by name and no list, so who is walled is refused.",
        "radcli drops attributes that its dictionary does not have: add vendor 10055 for speeds.",
    ),
)
