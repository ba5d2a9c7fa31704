"""Is what is delivered what is billed? Services that are billed can log in, and those that can are billed or free."""

from dataclasses import dataclass
from typing import Final

from netbilld.billing.books import CheckResult

SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """Services as the store finds them; exceptions are subscriber numbers with a user name, at most a few of each.

    Attributes:
        active: services that are active today.
        free: of these, complimentary ones: by their own terms, or by their plan.
        without_access: active ones that nobody can use: no name to log in with, no static line, no meter.
        unbilled: active ones that the billing run should have looked at, and has not.
        in_use_after_end: ended ones with an open session.
    """

    active: int
    free: int
    without_access: tuple[str, ...]
    unbilled: tuple[str, ...]
    in_use_after_end: tuple[str, ...]


def check_services(figures: ServiceFigures) -> list[CheckResult]:
    """Return the result of every check (INCA-12)."""
    return [
        _none("billed_services_are_authorised", figures.without_access, f"{figures.active} active services"),
        _none("authorised_services_are_billed", figures.unbilled, f"{figures.free} of {figures.active} are free"),
        _none("ended_services_are_not_in_use", figures.in_use_after_end, "no session of an ended service is open"),
    ]


def _none(name: str, wrong: tuple[str, ...], said: str) -> CheckResult:
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return CheckResult(name, not wrong, ", ".join(wrong[:SHOWN]) + more if wrong else said)
