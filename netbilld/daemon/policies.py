"""What the settings say about money and access, in the words of the core."""

from netbilld.billing.plan import Speed
from netbilld.billing.standing import StandingPolicy
from netbilld.daemon.settings import Settings
from netbilld.enforcement.profile import WalledGarden


def walled_garden(settings: Settings) -> WalledGarden:
    """Return where walled sessions live."""
    enforcement = settings.enforcement
    return WalledGarden(
        pool=enforcement.walled_pool,
        address_list=enforcement.walled_list,
        speed=Speed(down_bps=enforcement.walled_down, up_bps=enforcement.walled_up),
        vlan=enforcement.walled_vlan,
        covers_ipv6=enforcement.walled_ipv6,
    )


def standing_policy(settings: Settings) -> StandingPolicy:
    """Return when unpaid invoices lead to isolir."""
    billing = settings.billing
    return StandingPolicy(
        grace_days=billing.grace_days,
        isolir_at=billing.isolir_at,
        tolerance_minor=billing.tolerance,
        timezone=settings.timezone,
    )
