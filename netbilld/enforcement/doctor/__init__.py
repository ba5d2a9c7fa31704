"""The examination of a NAS: what is known of it in, findings with the lines that mend them out.

Only what was seen counts as a fault, and what can't be known is said to be unknown, never to be fine.
"""

from collections.abc import Callable, Sequence
from typing import Final

from netbilld.enforcement.doctor import radius_checks, router_checks
from netbilld.enforcement.doctor.checks import CheckName, Finding
from netbilld.enforcement.doctor.facts import Facts

_CHECKS: Final[Sequence[tuple[CheckName, Callable[[Facts], Finding]]]] = (
    (CheckName.SOURCE_ADDRESS, radius_checks.source_address),
    (CheckName.SECRET, radius_checks.secret),
    (CheckName.MESSAGE_AUTHENTICATOR, radius_checks.message_authenticator),
    (CheckName.RADIUS, router_checks.radius),
    (CheckName.CLOCK, radius_checks.clock),
    (CheckName.INTERIM, radius_checks.interim),
    (CheckName.DIRECTION, radius_checks.direction),
    (CheckName.ORDERS, router_checks.orders),
    (CheckName.API, router_checks.api),
    (CheckName.API_RIGHTS, router_checks.api_rights),
    (CheckName.SNMP, router_checks.snmp),
    (CheckName.POOL, router_checks.pool),
    (CheckName.LIST, router_checks.walled_list),
    (CheckName.FASTTRACK, router_checks.fasttrack),
    (CheckName.MASQUERADE, router_checks.masquerade),
)


def examine(facts: Facts) -> tuple[Finding, ...]:
    """Return a finding for each check, in their order."""
    return tuple(check(facts) for _, check in _CHECKS)
