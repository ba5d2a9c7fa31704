"""RouterosAccounts: PPP secrets and hotspot users of one router, read and switched on and off.

Source: MikroTik's manual, pages PPP AAA, HotSpot and API. What a row leaves out is not set; a password is only in it
for an API user with the policy `sensitive`.
"""

from collections.abc import Sequence
from typing import Final

from netbilld.adapters.nas.routeros import RouterosConnection, RouterosError, Row
from netbilld.ports.local_accounts import LocalAccount, Menu, RouterRefusalError

_PATHS: Final[dict[Menu, str]] = {"ppp": "/ppp/secret", "hotspot": "/ip/hotspot/user"}
# what is said elsewhere, or of no consequence to a subscriber
_KNOWN: Final[dict[Menu, frozenset[str]]] = {
    "ppp": frozenset(
        (
            ".id", "name", "password", "profile", "caller-id", "remote-address", "comment", "disabled", "service",
            "local-address", "last-logged-out", "last-caller-id", "last-disconnect-reason",
        )
    ),
    "hotspot": frozenset(
        (
            ".id", "name", "password", "profile", "mac-address", "address", "comment", "disabled", "server", "default",
            "uptime", "bytes-in", "bytes-out", "packets-in", "packets-out", "dynamic",
        )
    ),
}  # fmt: skip
_NOTHING: Final = frozenset(("", "0", "0s", "none", "00:00:00"))
_TRIAL: Final = "default-trial"  # RouterOS's own, for trials without a name
_YES: Final = frozenset(("true", "yes"))
_NAMES_AT_ONCE: Final = 100
_MOST_SECONDS: Final = 300.0  # thousands of rows take a small router a while


class RouterosAccounts:
    """The accounts of the router at the end of a connection that keeps odd octets; a `LocalAccounts`."""

    def __init__(self, connection: RouterosConnection) -> None:
        self._connection = connection

    async def read(self) -> list[LocalAccount]:
        """Return all accounts: PPP secrets, then hotspot users where the router has a hotspot.

        Raises:
            RouterRefusalError: the router can't be asked, or refuses.
        """
        found = [_account("ppp", row) for row in await self._rows("/ppp/secret/print")]
        try:
            users = await self._rows("/ip/hotspot/user/print")
        except RouterRefusalError as refusal:
            if "no such command" not in str(refusal):
                raise
            users = []  # its hotspot package is not installed
        return found + [_account("hotspot", row) for row in users if not _is_made_by_router(row)]

    async def asks_radius(self, menu: Menu) -> str | None:
        """Return None where the router asks RADIUS about others, else what is to be set on it, as one of its lines.

        Raises:
            RouterRefusalError: the router can't be asked, or refuses.
        """
        if menu == "ppp":
            aaa = next(iter(await self._rows("/ppp/aaa/print")), {})
            if aaa.get("use-radius") not in _YES:
                return "/ppp aaa set use-radius=yes accounting=yes"
        else:
            profiles = await self._rows("/ip/hotspot/profile/print")
            if not any(row.get("use-radius") in _YES for row in profiles):
                return "/ip hotspot profile set [find] use-radius=yes radius-accounting=yes"
        servers = await self._rows("/radius/print")
        if not any(menu in row.get("service", "").split(",") and row.get("disabled") not in _YES for row in servers):
            return f"/radius add address=OURS secret=… service={menu}"
        return None

    async def switch(self, accounts: Sequence[LocalAccount], *, on: bool) -> list[LocalAccount]:
        """Enable or disable these; return those that are so afterwards, as read back.

        Raises:
            RouterRefusalError: the router can't be asked, or refuses; some may be changed all the same.
        """
        word = "no" if on else "yes"
        for account in accounts:
            await self._rows(f"{_PATHS[account.menu]}/set", f"=.id={account.number}", f"=disabled={word}")
        done = []
        for menu in _PATHS:
            mine = [account for account in accounts if account.menu == menu]
            for start in range(0, len(mine), _NAMES_AT_ONCE):
                some = mine[start : start + _NAMES_AT_ONCE]
                names = [f"?name={account.name}" for account in some] + ["?#|"] * (len(some) - 1)
                rows = await self._rows(f"{_PATHS[menu]}/print", "=.proplist=.id,name,disabled", *names)
                so = {row.get(".id") for row in rows if (row.get("disabled") in _YES) is not on}
                done += [account for account in some if account.number in so]
        return done

    async def _rows(self, command: str, *words: str) -> list[Row]:
        try:
            return await self._connection.rows(command, *words, most_seconds=_MOST_SECONDS)
        except RouterosError as error:
            raise RouterRefusalError(str(error)) from None


def _is_made_by_router(row: Row) -> bool:
    return row.get("name") == _TRIAL or row.get("default") in _YES or row.get("dynamic") in _YES


def _account(menu: Menu, row: Row) -> LocalAccount:
    password = row.get("password")
    if password and not password.strip("*"):
        password = None  # as older versions hide it
    others = (f"{name}={row[name]}" for name in sorted(row.keys() - _KNOWN[menu]) if row[name] not in _NOTHING)
    return LocalAccount(
        menu,
        row.get(".id", ""),
        row.get("name", ""),
        password,
        row.get("profile", "default"),
        row.get("caller-id" if menu == "ppp" else "mac-address", ""),
        row.get("remote-address" if menu == "ppp" else "address", ""),
        row.get("comment", ""),
        row.get("disabled") in _YES,
        tuple(others),
    )
