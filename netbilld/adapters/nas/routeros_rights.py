"""What our own user on a router may do there, read before anything is asked of it that it may not.

Source: MikroTik's manual, page User: a user has a group, a group has policies, and one that is not granted is written
with an exclamation mark.
"""

from collections.abc import Callable, Collection
from typing import Final
from weakref import WeakKeyDictionary

from netbilld.adapters.nas.routeros import RouterosConnection, RouterosTrapError

FRESH_SECONDS: Final = 300.0
ACTING: Final = ("read", "write", "api")
_REFUSED: Final = "not enough permissions"


class RouterosRights:
    """Knows for a while what it has read; a router whose users can't be read is not held back by that."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: WeakKeyDictionary[RouterosConnection, tuple[float, frozenset[str] | None]] = WeakKeyDictionary()

    async def policies(self, connection: RouterosConnection) -> frozenset[str] | None:
        """Return the policies that our user has; None where the router does not say.

        Raises:
            RouterosError: the router can't be asked.
        """
        now_mono = self._monotonic()
        known = self._known.get(connection)
        if known is None or now_mono - known[0] > FRESH_SECONDS:
            known = self._known[connection] = (now_mono, await _read(connection))
        return known[1]

    async def missing(self, connection: RouterosConnection, wanted: Collection[str] = ACTING) -> tuple[str, ...]:
        """Return which of these policies our user lacks; nothing where that is not known.

        Raises:
            RouterosError: the router can't be asked.
        """
        granted = await self.policies(connection)
        return () if granted is None else tuple(policy for policy in wanted if policy not in granted)

    def forget(self, connection: RouterosConnection) -> None:
        """Read it again next time: the router has refused something."""
        self._known.pop(connection, None)


def lack_words(user: str, missing: Collection[str]) -> str:
    """Return what a user without these policies is told, with the line that mends it."""
    return (
        f"its API user {user} lacks the policy {', '.join(missing)}: "
        f"on it, `/user group set [find name=[/user get {user} group]] policy=read,write,api,test`"
    )


def trap_words(trap: RouterosTrapError, user: str) -> str:
    """Return a router's refusal in words, with what may mend it."""
    if _REFUSED in str(trap):
        return f"it refuses: {trap}; its API user {user} needs the policies {', '.join(ACTING)}"
    return f"it refuses: {trap}"


async def _read(connection: RouterosConnection) -> frozenset[str] | None:
    user = connection.address.user
    try:
        users = await connection.rows("/user/print", "=.proplist=name,group", f"?name={user}")
        group = next((row["group"] for row in users if row.get("name") == user and "group" in row), None)
        if group is None:
            return None  # one that RADIUS knows
        groups = await connection.rows("/user/group/print", "=.proplist=name,policy", f"?name={group}")
    except RouterosTrapError:
        return None
    said = next((row["policy"] for row in groups if row.get("name") == group and "policy" in row), None)
    return None if said is None else frozenset(word for word in said.split(",") if word and word[:1] != "!")
