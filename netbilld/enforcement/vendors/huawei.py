"""Huawei ME60, NE40E, NetEngine and MA5200 as BRAS.

Source: Huawei's NetEngine configuration guides, «RADIUS Attributes Defined by Huawei+1.1»; rates in bit/s.
"""

from typing import Final

from netbilld.billing.plan import Speed
from netbilld.enforcement.vendors.identity import framed_ip, session_id, user_name
from netbilld.enforcement.vendors.interface import Vendor, Wall
from netbilld.enforcement.vendors.speeds import WORD_BPS, bits
from netbilld.radius.attributes import (
    HUAWEI_DELEGATED_IPV6_PREFIX_POOL,
    HUAWEI_INPUT_AVERAGE_RATE,
    HUAWEI_INPUT_PEAK_RATE,
    HUAWEI_OUTPUT_AVERAGE_RATE,
    HUAWEI_OUTPUT_PEAK_RATE,
    HUAWEI_POLICY_NAME,
    HUAWEI_QOS_PROFILE_NAME,
)
from netbilld.radius.values import encode_text


def _rate(speed: Speed) -> list[tuple[int, bytes]]:
    """Return committed and peak rates, input from the subscriber; or the QoS profile that stands for them."""
    if speed.nas_profile is not None:
        return [(HUAWEI_QOS_PROFILE_NAME, encode_text(speed.nas_profile))]
    burst = speed.burst
    return [
        (HUAWEI_INPUT_AVERAGE_RATE, bits(speed.up_bps)),
        (HUAWEI_INPUT_PEAK_RATE, bits(burst.up_bps if burst else speed.up_bps)),
        (HUAWEI_OUTPUT_AVERAGE_RATE, bits(speed.down_bps)),
        (HUAWEI_OUTPUT_PEAK_RATE, bits(burst.down_bps if burst else speed.down_bps)),
    ]


def _policy(name: str) -> list[tuple[int, bytes]]:
    return [(HUAWEI_POLICY_NAME, encode_text(name))]


VENDOR: Final = Vendor(
    name="huawei",
    title="Huawei ME60, NE40E, MA5200",
    rate=_rate,
    has_burst=True,
    most_bps=WORD_BPS,
    coa_rate=True,
    walled_list=_policy,
    delegated_pools=(HUAWEI_DELEGATED_IPV6_PREFIX_POOL,),
    wall=Wall.POOL,
    identity=(user_name, session_id, framed_ip),
    notes=(
        "Use server type plus11, and traffic unit byte: in type standard it takes Class for a rate.",
        "A refused CoA is followed by a Disconnect.",
        "By list, the walled list is the name of a policy (Huawei-Policy-Name).",
    ),
)
