"""From settings to what is paid by itself: renewals by choice, accounts at gateways that are charged."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from netbilld.adapters.clock import SystemClock, entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.gateways.midtrans import Midtrans
from netbilld.adapters.gateways.midtrans_gopay import MidtransGopay
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.daemon.taxes import tax_policy
from netbilld.panel.autopay_parts import AutopayParts
from netbilld.ports.gateways import Gateway
from netbilld.ports.mandates import MandateGateway
from netbilld.services.charge_mandates import ChargeMandates, ChargePolicy
from netbilld.services.choose_renewal import ChooseRenewal
from netbilld.services.follow_gateways import FollowGateways
from netbilld.services.link_mandates import LinkMandates

LINK_SECONDS: Final = 5.0
CHARGE_SECONDS: Final = 60.0


class Autopay:
    """The part of the daemon that pays by itself."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        box: SecretBox,
        clock: SystemClock,
        drivers: Sequence[Gateway],
        follow: FollowGateways,
    ) -> None:
        """Compose it."""
        keepers = keepers_of(settings, drivers)
        self._days_before = settings.gateways.charge_days_before
        self._database = database
        self.renewal: Final = ChooseRenewal(database, tax_policy(settings))
        self.link: Final = LinkMandates(database, box, [keeper for keeper, _ in keepers], clock.now)
        url = settings.portal.public_url or ""
        policy = ChargePolicy(
            self._days_before,
            settings.timezone,
            settings.business_name,
            url.rstrip("/") if url.startswith("https://") else "",
        )
        self.charge: Final = ChargeMandates(database, box, keepers, follow, self.link, policy, clock.now, entropy)

    @property
    def parts(self) -> AutopayParts:
        """Return what pages are handed."""
        return AutopayParts(self._database, self.renewal, self.link, self._days_before)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever on one node."""
        return {
            "linked accounts": partial(every, LINK_SECONDS, self.link.look),
            "charges to linked accounts": partial(every, CHARGE_SECONDS, self.charge.run),
        }


def keepers_of(settings: Settings, drivers: Sequence[Gateway]) -> list[tuple[MandateGateway, Gateway]]:
    """Return the gateways that keep accounts to be charged, each beside its driver."""
    midtrans = settings.gateways.midtrans
    if midtrans is None or not midtrans.gopay_accounts:
        return []
    return [(MidtransGopay(one), one) for one in drivers if isinstance(one, Midtrans)]
