"""MikroTik RouterOS: PPP, hotspot and DHCP through `/radius`."""

from netbilld.billing.plan import Burst, Speed
from netbilld.enforcement.actions import SessionHandle
from netbilld.enforcement.profile import ServiceProfile
from netbilld.enforcement.vendors import interface
from netbilld.enforcement.vendors.interface import Capabilities, Pair
from netbilld.radius.attributes import MIKROTIK_ADDRESS_LIST, MIKROTIK_RATE_LIMIT
from netbilld.radius.values import encode_text

_LOWEST_PRIORITY = 8


class MikroTik:
    """RouterOS 6 and 7. A CoA changes the rate of a session and nothing of its pool, address or list."""

    name = "mikrotik"
    capabilities = Capabilities(rate=True, coa_rate=True)

    def accept(self, profile: ServiceProfile, interim_seconds: int) -> list[Pair]:
        """Return Mikrotik-Rate-Limit, address or pool, one Mikrotik-Address-List and the interim interval."""
        pairs = self._rate(profile) + interface.addressing(profile)
        if profile.address_list:
            pairs.append((MIKROTIK_ADDRESS_LIST, encode_text(profile.address_list)))
        return pairs + interface.interim(interim_seconds)

    def change(self, profile: ServiceProfile, interim_seconds: int, class_value: bytes) -> list[Pair]:  # noqa: ARG002
        """Return Mikrotik-Rate-Limit alone: RouterOS refuses or ignores the rest in a CoA."""
        return self._rate(profile)

    def identify(self, session: SessionHandle) -> list[Pair]:
        """Return name, session, address and the router's own address.

        A hotspot session needs its address; a name alone can mean several sessions, or the wireless table's client.
        """
        return [
            *interface.user_name(session),
            *interface.session_id(session),
            *interface.framed_ip(session),
            *interface.nas_address(session),
        ]

    @staticmethod
    def _rate(profile: ServiceProfile) -> list[Pair]:
        return [(MIKROTIK_RATE_LIMIT, rate_limit(profile.speed).encode("ascii"))] if profile.speed else []


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
    return f"{_rate_word(up_bps)}/{_rate_word(down_bps)}"


def _rate_word(rate_bps: int) -> str:
    """Return a rate with `M` or `k` where it is whole; `G` is not in the attribute's grammar."""
    if rate_bps and rate_bps % 1_000_000 == 0:
        return f"{rate_bps // 1_000_000}M"
    if rate_bps and rate_bps % 1_000 == 0:
        return f"{rate_bps // 1_000}k"
    return str(rate_bps)
