"""Accounts that a router keeps itself: whoever it knows so, it asks RADIUS nothing about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Menu = Literal["ppp", "hotspot"]


class RouterRefusalError(Exception):
    """A router could not be asked or refused; its text says why, in words for a person and without a secret."""


@dataclass(frozen=True, slots=True)
class LocalAccount:
    """A PPP secret or hotspot user; octets that are not UTF-8 stand as surrogates.

    Attributes:
        number: what the router calls it by, until it is removed.
        password: None where the router does not show it.
        caller_id: the station it may log in from; empty for any.
        address: what it is given: an address or the name of a pool; empty for what its profile says.
        beside: what else is set for it, by the router's own words.
    """

    menu: Menu
    number: str
    name: str
    password: str | None = field(repr=False)
    profile: str
    caller_id: str
    address: str
    comment: str
    is_disabled: bool
    beside: tuple[str, ...] = ()


class LocalAccounts(Protocol):
    """One router's own accounts."""

    async def read(self) -> list[LocalAccount]:
        """Return all of them.

        Raises:
            RouterRefusalError: the router can't be asked, or refuses.
        """
        ...

    async def asks_radius(self, menu: Menu) -> str | None:
        """Return None where the router asks RADIUS about others, else what is to be set on it, as one of its lines.

        Raises:
            RouterRefusalError: the router can't be asked, or refuses.
        """
        ...

    async def switch(self, accounts: Sequence[LocalAccount], *, on: bool) -> list[LocalAccount]:
        """Enable or disable these; return those that are so afterwards, as read back.

        Raises:
            RouterRefusalError: the router can't be asked, or refuses; some may be changed all the same.
        """
        ...
