"""Hotspots that speak the WISPr attributes: CoovaChilli, UniFi, Ruckus, Cambium and others."""

from netbilld.billing.plan import Speed
from netbilld.enforcement.actions import SessionHandle
from netbilld.enforcement.profile import ServiceProfile
from netbilld.enforcement.vendors import interface
from netbilld.enforcement.vendors.interface import Capabilities, Pair
from netbilld.radius.attributes import (
    CLASS,
    FILTER_ID,
    WISPR_BANDWIDTH_MAX_DOWN,
    WISPR_BANDWIDTH_MAX_UP,
    WISPR_BANDWIDTH_MIN_DOWN,
    WISPR_BANDWIDTH_MIN_UP,
)
from netbilld.radius.values import encode_integer, encode_text

_FASTEST_BPS = 2**32 - 1  # the attributes are 32 bits of bit/s: 4.29 Gbit/s, beyond which no hotspot shapes


class Wispr:
    """The WISPr vendor attributes, from the client's point of view, in bit/s."""

    name = "wispr"
    capabilities = Capabilities(rate=True, coa_rate=True)

    def accept(self, profile: ServiceProfile, interim_seconds: int) -> list[Pair]:
        """Return bandwidths, address or pool, Filter-Id for the walled garden's list and the interim interval."""
        pairs = _bandwidth(profile.speed) + interface.addressing(profile)
        if profile.address_list:
            pairs.append((FILTER_ID, encode_text(profile.address_list)))
        return pairs + interface.interim(interim_seconds)

    def change(self, profile: ServiceProfile, interim_seconds: int, class_value: bytes) -> list[Pair]:
        """Return the complete set: CoovaChilli resets what a CoA leaves out."""
        pairs = _bandwidth(profile.speed)
        if profile.address_list:
            pairs.append((FILTER_ID, encode_text(profile.address_list)))
        return [*pairs, *interface.interim(interim_seconds), (CLASS, class_value)]

    def identify(self, session: SessionHandle) -> list[Pair]:
        """Return name, without which CoovaChilli is silent, and session."""
        return [*interface.user_name(session), *interface.session_id(session)]


def _bandwidth(speed: Speed | None) -> list[Pair]:
    if speed is None:
        return []
    rates = [
        (WISPR_BANDWIDTH_MAX_UP, speed.up_bps),
        (WISPR_BANDWIDTH_MAX_DOWN, speed.down_bps),
        (WISPR_BANDWIDTH_MIN_UP, speed.minimum_up_bps),
        (WISPR_BANDWIDTH_MIN_DOWN, speed.minimum_down_bps),
    ]
    return [(key, encode_integer(min(rate, _FASTEST_BPS))) for key, rate in rates if rate is not None]
