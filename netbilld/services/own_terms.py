"""What subscribers may do by themselves, as the operator allows it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnTerms:
    """What a subscriber may do without asking.

    Attributes:
        plan_change: to which plans: any, upgrade (that cost more), none.
        plans: codes of plans that may be chosen, in lower case; empty for every one that is for sale to them.
        plan_change_days: that must lie between two changes; 0 for none.
        pause_days: the longest break; 0 allows none.
        pauses_a_year: that begin within twelve months.
        top_up: buying top-ups of the plan.
        password: changing the password that the modem logs in with.
    """

    plan_change: str = "any"
    plans: tuple[str, ...] = ()
    plan_change_days: int = 30
    pause_days: int = 30
    pauses_a_year: int = 2
    top_up: bool = True
    password: bool = True
