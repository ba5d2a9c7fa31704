"""What the settings say about money, access and orders, in the words of the core."""

from collections.abc import Callable
from typing import Final

from netbilld.billing.dunning import DunningPolicy, LateFeeStage
from netbilld.billing.payment import Plausibility
from netbilld.billing.plan import Speed
from netbilld.billing.standing import StandingPolicy
from netbilld.daemon.settings import Settings
from netbilld.daemon.taxes import tax_policy
from netbilld.enforcement.backoff import RetryPolicy
from netbilld.enforcement.brake import BrakePolicy
from netbilld.enforcement.breaker import ProbePolicy
from netbilld.enforcement.pace import PaceLimits
from netbilld.enforcement.profile import WalledGarden
from netbilld.enforcement.static_lines import LineTerms
from netbilld.services.charge_wallets import WalletRules
from netbilld.services.order_policy import ReconcilePolicy
from netbilld.services.pay_links import Box, LinkKind, Target, pay_token, pay_url
from netbilld.services.route_messages import SendingPolicy

# A silent NAS that nobody hears is asked at least so often, so that what waits for it starts soon after its return.
PROBE: Final = ProbePolicy(first_seconds=1.0, longest_seconds=6.0)


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


def line_terms(settings: Settings) -> LineTerms:
    """Return by which address lists a router's firewall knows lines with fixed addresses."""
    enforcement = settings.enforcement
    return LineTerms(
        walled_list=enforcement.walled_list,
        blocked_list=enforcement.blocked_list,
        walls_ipv6=enforcement.walled_ipv6,
    )


def brake_policy(settings: Settings) -> BrakePolicy:
    """Return from how many on a person is asked before services are closed for money."""
    return BrakePolicy(settings.enforcement.brake_percent, settings.enforcement.brake_least)


def standing_policy(settings: Settings) -> StandingPolicy:
    """Return when unpaid invoices lead to isolir."""
    billing, dunning = settings.billing, settings.dunning
    return StandingPolicy(
        grace_days=billing.grace_days,
        isolir_at=billing.isolir_at,
        tolerance_minor=billing.tolerance,
        timezone=settings.timezone,
        weekdays_off=dunning.weekdays_off,
        off_on_holidays=dunning.off_on_holidays,
        restore_percent=dunning.restore_percent,
        taxes=tax_policy(settings),
    )


def dunning_policy(settings: Settings) -> DunningPolicy:
    """Return what is done about unpaid invoices, and when."""
    dunning = settings.dunning
    return DunningPolicy(
        standing_policy(settings),
        remind_days=dunning.remind_days,
        remind_at=dunning.remind_at,
        warn_days=dunning.warn_days,
        late_fees=tuple(
            LateFeeStage(
                after_days=stage.after_days,
                flat_minor=stage.flat,
                percent_hundredths=None if stage.percent is None else int(stage.percent * 100),
                minimum_minor=stage.minimum,
                cap_minor=stage.cap,
            )
            for stage in dunning.late_fees
        ),
        terminate_days=dunning.terminate_days,
        terminates=dunning.terminate == "do",
    )


def sending_policy(settings: Settings, box: Box | None = None) -> SendingPolicy:
    """Return how messages to subscribers go out; with the box they bear links to pay by."""
    messages, sender = settings.messages, settings.smtp.sender
    return SendingPolicy(
        timezone=settings.timezone,
        locale=settings.locale,
        business_name=settings.business_name,
        portal_url=settings.portal.public_url,
        quiet_from=messages.quiet_from,
        quiet_to=messages.quiet_to,
        order=settings.messengers.order,
        pay_link=_pay_link(settings.portal.public_url, box),
        patience_seconds=60.0 * settings.messengers.patience_minutes,
        domain=sender.rpartition("@")[2] if sender is not None else "netbilld.invalid",
    )


def _pay_link(public_url: str | None, box: Box | None) -> Callable[[str], str] | None:
    if public_url is None or box is None:
        return None
    return lambda number: pay_url(public_url, pay_token(box, Target(LinkKind.SUBSCRIBER, number)))


def order_policy(settings: Settings) -> ReconcilePolicy:
    """Return how often and how fast orders are sent."""
    enforcement = settings.enforcement
    return ReconcilePolicy(
        enforcement.reconcile_seconds,
        RetryPolicy(enforcement.retry_seconds, enforcement.retry_max_seconds),
        pace=PaceLimits(enforcement.coa_per_second, enforcement.disconnects_per_second),
        probe=PROBE,
        walled_list=enforcement.walled_list,
    )


def wallet_rules(settings: Settings) -> WalletRules:
    """Return how usage is charged to wallets."""
    return WalletRules(tax_policy(settings), settings.messages.credit_low)


def plausibility(settings: Settings) -> Plausibility:
    """Return up to where an amount received is taken without asking."""
    return Plausibility(settings.payments.plausible, settings.payments.plausible_times)
