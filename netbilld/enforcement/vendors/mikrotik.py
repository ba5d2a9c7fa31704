"""MikroTik RouterOS 6 and 7: PPP, hotspot, DHCP and wireless through `/radius`.

Source: MikroTik's manual, pages RADIUS, PPP AAA and HotSpot.
"""

from typing import Final

from netbilld.billing.plan import Burst, Speed
from netbilld.enforcement.vendors.identity import framed_ip, nas_address, session_id, user_name
from netbilld.enforcement.vendors.interface import Vendor, VolumeWords, Wall
from netbilld.enforcement.vendors.places import tunnel_vlan
from netbilld.enforcement.vendors.speeds import rate_word
from netbilld.radius.attributes import (
    DELEGATED_IPV6_PREFIX_POOL,
    MIKROTIK_ADDRESS_LIST,
    MIKROTIK_DELEGATED_IPV6_POOL,
    MIKROTIK_RATE_LIMIT,
    MIKROTIK_RECV_LIMIT,
    MIKROTIK_RECV_LIMIT_GIGAWORDS,
    MIKROTIK_TOTAL_LIMIT,
    MIKROTIK_TOTAL_LIMIT_GIGAWORDS,
    MIKROTIK_WIRELESS_VLANID,
    MIKROTIK_WIRELESS_VLANID_TYPE,
    MIKROTIK_XMIT_LIMIT,
    MIKROTIK_XMIT_LIMIT_GIGAWORDS,
)
from netbilld.radius.values import encode_integer, encode_text

_LOWEST_PRIORITY: Final = 8
_IEEE_802_1Q: Final = 0


def _rate(speed: Speed) -> list[tuple[int, bytes]]:
    return [(MIKROTIK_RATE_LIMIT, rate_limit(speed).encode("ascii"))]


def _address_list(name: str) -> list[tuple[int, bytes]]:
    return [(MIKROTIK_ADDRESS_LIST, encode_text(name))]  # one: what several do is not documented


def _vlan(vlan: int) -> list[tuple[int, bytes]]:
    """Return a VLAN for wireless, which has attributes of its own, and for 802.1X."""
    wireless = [
        (MIKROTIK_WIRELESS_VLANID, encode_integer(vlan)),
        (MIKROTIK_WIRELESS_VLANID_TYPE, encode_integer(_IEEE_802_1Q)),
    ]
    return wireless + tunnel_vlan(vlan)


def rate_limit(speed: Speed) -> str:
    """Return the value of Mikrotik-Rate-Limit: `rx/tx [burst [threshold [time [priority [minimum]]]]]`.

    The router's view: rx is what it receives, the subscriber's upload. Fields are positional, so those before the last
    one wanted are written as `0/0` when there is no burst.
    """
    words = [_pair(speed.up_bps, speed.down_bps)]
    minimum = speed.minimum_up_bps is not None or speed.minimum_down_bps is not None
    if speed.burst is not None:
        words += _burst(speed.burst)
    elif minimum or speed.priority is not None:
        words += ["0/0", "0/0", "0/0"]
    if minimum or speed.priority is not None:
        words.append(str(speed.priority or _LOWEST_PRIORITY))
    if minimum:
        # a minimum not given is the rate itself, and none may exceed it
        up_bps = speed.up_bps if speed.minimum_up_bps is None else min(speed.minimum_up_bps, speed.up_bps)
        down_bps = speed.down_bps if speed.minimum_down_bps is None else min(speed.minimum_down_bps, speed.down_bps)
        words.append(_pair(up_bps, down_bps))
    return " ".join(words)


def _burst(burst: Burst) -> list[str]:
    return [
        _pair(burst.up_bps, burst.down_bps),
        _pair(burst.threshold_up_bps, burst.threshold_down_bps),
        f"{burst.seconds}/{burst.seconds}",
    ]


def _pair(up_bps: int, down_bps: int) -> str:
    return f"{rate_word(up_bps)}/{rate_word(down_bps)}"


VENDOR: Final = Vendor(
    name="mikrotik",
    title="MikroTik RouterOS",
    rate=_rate,
    has_burst=True,
    has_minimum=True,
    coa_rate=True,
    walled_list=_address_list,
    vlan=_vlan,
    delegated_pools=(DELEGATED_IPV6_PREFIX_POOL, MIKROTIK_DELEGATED_IPV6_POOL),
    volume=VolumeWords(
        upload=(MIKROTIK_RECV_LIMIT, MIKROTIK_RECV_LIMIT_GIGAWORDS),
        download=(MIKROTIK_XMIT_LIMIT, MIKROTIK_XMIT_LIMIT_GIGAWORDS),
        total=(MIKROTIK_TOTAL_LIMIT, MIKROTIK_TOTAL_LIMIT_GIGAWORDS),
        total_on_hotspots_only=True,
    ),
    wall=Wall.POOL_AND_LIST,
    # A hotspot session needs its address; a name alone can mean several sessions, or the wireless table's client.
    identity=(user_name, session_id, framed_ip, nas_address),
    notes=(
        "Orders carry no Event-Timestamp: a router with a wrong clock would drop them. `--coa-event-timestamp on`.",
        "Turn orders on with `/radius incoming set accept=yes port=3799`; they are off by default.",
        "A CoA changes the speed only; into the walled garden and out of it goes by Disconnect and the next log-in.",
        "PPP has no limit on the total; an allowance for both directions is set as a limit on each.",
    ),
)


def is_hotspot_session(acct_session_id: str) -> bool:
    """Tell whether an Acct-Session-Id is of a hotspot: its first octet says what it is a session of."""
    return acct_session_id.casefold().removeprefix("0x").startswith("80")
