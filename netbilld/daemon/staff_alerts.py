"""Messages to the staff about what is wrong, in the running daemon: where it is seen, and who hears of it."""

import re
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.panel.alert_words import alert_text
from netbilld.panel.assets import web_directory
from netbilld.panel.i18n import load_catalogues
from netbilld.radius.server import DropReason
from netbilld.services.raise_alerts import AlertKind
from netbilld.services.tell_staff import AlertTerms, Condition, TellStaff

LOOK_SECONDS: Final = 30.0
FULL: Final = 0.95  # of a pool
LEAST_FREE: Final = 512 * 1024 * 1024  # octets of the disk
LEAST_FREE_SHARE: Final = 0.05
LATELY: Final = timedelta(minutes=10)  # a packet with a wrong secret, after which the secret counts as wrong
LEAST_DROPS: Final = 3
_SECRETS: Final = frozenset((str(DropReason.BAD_AUTHENTICATOR), str(DropReason.BAD_MESSAGE_AUTHENTICATOR)))
# a start tells itself, and of messages that wait the sender tells
_NOT_TOLD: Final = ("RADIUS is not answered yet", "it is being started", "messages to subscribers wait")


Drops = Callable[[Sequence[str], str | None], Awaitable[Mapping[str, Any]]]  # packets that were dropped, by source


class StaffAlerts:
    """Looks, and tells."""

    def __init__(self, settings: Settings, database: Database, clock: SystemClock) -> None:
        messengers = settings.messengers
        self._settings, self._database, self._clock = settings, database, clock
        self._health: Callable[[], Mapping[str, Any]] | None = None
        self._drops: Drops | None = None
        catalogues = load_catalogues(web_directory() / "locales")

        def say(locale: str | None, fresh: Sequence[Condition], over: Sequence[Condition]) -> tuple[str, str]:
            return alert_text(catalogues.get(locale or "") or catalogues[settings.locale], fresh, over)

        after = messengers.alert_after_minutes
        terms = AlertTerms(
            after=timedelta(minutes=after or 0),
            calm=timedelta(minutes=messengers.alert_calm_minutes),
            apart=timedelta(minutes=messengers.alert_apart_minutes),
            roles=messengers.alert_roles,
        )
        self.tell: Final = TellStaff(database, clock, terms, self.look, say)
        self._is_on: Final = after is not None

    def connect(self, health: Callable[[], Mapping[str, Any]], drops: Drops) -> None:
        """Say who knows how this node is, and what it dropped."""
        self._health, self._drops = health, drops

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever on one node, by name."""
        return {"staff alerts": partial(every, LOOK_SECONDS, self.tell.run)} if self._is_on else {}

    async def look(self) -> Sequence[Condition]:
        """Return what is wrong now.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with self._database.read() as work:
            silent = await work.staff_alerts.silent_routers()
            orders = await work.staff_alerts.order_troubles()
            pools, taken = await work.addresses.pools(), await work.staff_alerts.taken_addresses()
        found = [Condition(f"nas_silent:{name}", "nas_silent", {"nas": name}) for name in silent]
        for kind, name, count, reason in orders:
            if kind is AlertKind.NO_ORDERS:
                found.append(Condition(f"nas_no_orders:{name}", "nas_no_orders", {"nas": name, "reason": reason}))
            elif name not in silent:
                found.append(Condition(f"not_done:{name}", "not_done", {"nas": name, "count": str(count)}))
        for pool in pools:
            count = taken.get(pool.id, 0)
            if pool.size and count >= FULL * pool.size:
                values = {"pool": pool.name, "taken": str(count), "size": str(pool.size)}
                found.append(Condition(f"pool_full:{pool.name}", "pool_full", values))
        return [*found, *await self._wrong_secrets(), *self._disk(), *self._of_node()]

    async def _wrong_secrets(self) -> list[Condition]:
        if self._drops is None:
            return []
        since = self._clock.now() - LATELY
        names = {
            str(line["nas"])
            for line in (await self._drops((), None))["sources"]
            if line["nas"] and line["reason"] in _SECRETS and line["count"] >= LEAST_DROPS
            and datetime.fromisoformat(line["last_at"]) >= since
        }  # fmt: skip
        return [Condition(f"wrong_secret:{name}", "wrong_secret", {"nas": name}) for name in sorted(names)]

    def _disk(self) -> list[Condition]:
        try:
            usage = shutil.disk_usage(self._settings.data_dir)
        except OSError:
            return []
        if usage.free >= max(LEAST_FREE, LEAST_FREE_SHARE * usage.total) or not usage.total:
            return []
        node = self._settings.business_name
        return [Condition("disk", "disk", {"node": node, "free": str(usage.free // 10**6)})]

    def _of_node(self) -> list[Condition]:
        if self._health is None:
            return []
        status = self._health()
        told = [str(one) for one in (*status.get("reasons", ()), *status.get("notices", ()))]
        # figures in it move while it lasts
        return [
            Condition("node:" + re.sub(r"\d+", "#", one), "node", {"said": one})
            for one in told
            if not one.startswith(_NOT_TOLD)
        ]
