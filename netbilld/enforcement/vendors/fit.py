"""What of a plan's speeds a vendor can't express, in words for operators: said before anything is sent."""

from netbilld.billing.plan import Plan, Speed
from netbilld.enforcement.vendors.interface import Vendor


def misfits(plan: Plan, vendor: Vendor) -> list[str]:
    """Return what a NAS of this vendor can't be told of a plan, a sentence each; nothing where it can be told all."""
    speeds = [plan.speed]
    if plan.allowance is not None and plan.allowance.throttled is not None:
        speeds.append(plan.allowance.throttled)
    said = [sentence for speed in speeds for sentence in _of(speed, vendor)]
    return list(dict.fromkeys(said))


def _of(speed: Speed, vendor: Vendor) -> list[str]:
    if vendor.rate is None:
        return ["it takes no speed at all, so the line's own is what a subscriber gets"]
    if not vendor.rate(speed):
        return ["it knows speeds by name only: give speed.nas_profile, and throttled.nas_profile where there is one"]
    said = []
    fastest_bps = max(
        speed.down_bps, speed.up_bps, *((speed.burst.down_bps, speed.burst.up_bps) if speed.burst else ())
    )
    if vendor.most_bps is not None and fastest_bps > vendor.most_bps:
        said.append(f"it can't be told more than {vendor.most_bps} bit/s, and gets that for {fastest_bps}")
    uneven = [rate_bps for rate_bps in (speed.down_bps, speed.up_bps) if rate_bps % vendor.unit_bps]
    said += [
        f"it counts in steps of {vendor.unit_bps} bit/s: {rate_bps} becomes {_next(rate_bps, vendor.unit_bps)}"
        for rate_bps in uneven
    ]
    if speed.burst is not None and not vendor.has_burst:
        said.append("it has no words for a burst: its subscribers get the speed without")
    if (speed.minimum_down_bps is not None or speed.minimum_up_bps is not None) and not vendor.has_minimum:
        said.append("it has no words for a minimum: nothing is kept free for its subscribers")
    return said


def _next(rate_bps: int, unit_bps: int) -> int:
    return -(-rate_bps // unit_bps) * unit_bps
