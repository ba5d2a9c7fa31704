"""Cambium cnPilot and cnMaestro Wi-Fi, ePMP radios.

Source: Cambium's dictionary and its knowledge base (quotas in octets with gigawords; ePMP rates in kbit/s).
"""

from typing import Final

from netbilld.billing.plan import Speed
from netbilld.enforcement.vendors.identity import session_id, station
from netbilld.enforcement.vendors.interface import Vendor, VolumeWords
from netbilld.enforcement.vendors.places import tunnel_vlan
from netbilld.enforcement.vendors.speeds import kilobits, wispr_bandwidth
from netbilld.radius.attributes import (
    CAMBIUM_EPMP_MAX_BURST_DOWNLINK_RATE,
    CAMBIUM_EPMP_MAX_BURST_UPLINK_RATE,
    CAMBIUM_TRAFFIC_QUOTA_LIMIT_DOWN,
    CAMBIUM_TRAFFIC_QUOTA_LIMIT_DOWN_GIGWORDS,
    CAMBIUM_TRAFFIC_QUOTA_LIMIT_TOTAL,
    CAMBIUM_TRAFFIC_QUOTA_LIMIT_TOTAL_GIGWORDS,
    CAMBIUM_TRAFFIC_QUOTA_LIMIT_UP,
    CAMBIUM_TRAFFIC_QUOTA_LIMIT_UP_GIGWORDS,
    CAMBIUM_WALLED_GARDEN_STATE,
)
from netbilld.radius.values import encode_integer

_WALLED: Final = 1


def _rate(speed: Speed) -> list[tuple[int, bytes]]:
    """Return WISPr bandwidths for Wi-Fi and ePMP's own; each passes over the other's."""
    return [
        *wispr_bandwidth(speed),
        (CAMBIUM_EPMP_MAX_BURST_UPLINK_RATE, kilobits(speed.up_bps)),
        (CAMBIUM_EPMP_MAX_BURST_DOWNLINK_RATE, kilobits(speed.down_bps)),
    ]


def _walled_state(name: str) -> list[tuple[int, bytes]]:  # noqa: ARG001 - the garden is the access point's own
    return [(CAMBIUM_WALLED_GARDEN_STATE, encode_integer(_WALLED))]


VENDOR: Final = Vendor(
    name="cambium",
    title="Cambium cnPilot, ePMP",
    rate=_rate,
    unit_bps=1_000,
    has_minimum=True,
    walled_list=_walled_state,
    vlan=tunnel_vlan,
    pool=None,
    ipv6_pool=None,
    delegated_pools=(),
    volume=VolumeWords(
        upload=(CAMBIUM_TRAFFIC_QUOTA_LIMIT_UP, CAMBIUM_TRAFFIC_QUOTA_LIMIT_UP_GIGWORDS),
        download=(CAMBIUM_TRAFFIC_QUOTA_LIMIT_DOWN, CAMBIUM_TRAFFIC_QUOTA_LIMIT_DOWN_GIGWORDS),
        total=(CAMBIUM_TRAFFIC_QUOTA_LIMIT_TOTAL, CAMBIUM_TRAFFIC_QUOTA_LIMIT_TOTAL_GIGWORDS),
    ),
    identity=(session_id, station),
    notes=(
        "A new speed ends the session, and the next log-in gets it.",
        "Who is walled is refused. By list, it is told Walled-Garden-State 1: try it on one before `--wall-by list`.",
    ),
)
