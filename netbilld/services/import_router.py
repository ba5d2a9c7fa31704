"""ImportRouter: takes a router's own accounts over as subscribers; run again, it takes only those that are new."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.periods import local_date
from netbilld.model.subscriber import PlanOffer
from netbilld.ports.local_accounts import LocalAccount, LocalAccounts
from netbilld.services.import_rows import CsvRow
from netbilld.services.import_subscribers import ImportSubscribers
from netbilld.services.router_rows import RouterRows, shown
from netbilld.services.subscriber_fields import name_key


class Services(Protocol):
    async def offers(self, codes: Collection[str], on: date) -> dict[str, PlanOffer]: ...

    async def taken_names(self, names: Sequence[str]) -> dict[str, bool]: ...


class Work(Protocol):
    @property
    def services(self) -> Services: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class ProfileUse:
    """A profile on the router, how many accounts have it, and the plan that stands for it; None for none."""

    profile: str
    accounts: int
    plan: str | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An account that did not go in, and why."""

    menu: str
    name: str
    reason: str


@dataclass(slots=True)
class RouterImport:
    """How it went.

    Attributes:
        accounts: on the router.
        imported: went in, or would.
        suspended: of those, the ones that are disabled on the router.
        known: are subscribers here already.
        left_out: the others, with reasons.
        notes: what of those that went in was left behind.
        profiles: what became of profiles.
    """

    accounts: int
    imported: int = 0
    suspended: int = 0
    known: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    profiles: list[ProfileUse] = field(default_factory=list)


class ImportRouter:
    """Imports one router."""

    def __init__(self, store: Store, importing: ImportSubscribers, router: LocalAccounts, timezone: str) -> None:
        self._store = store
        self._importing = importing
        self._router = router
        self._timezone = timezone  # of the day by which plans are sold

    async def run(
        self,
        nas_name: str,
        plans: Mapping[str, str],
        actor: Actor,
        now: datetime,
        *,
        encoding: str,
        billing_day: str | None,
        progress: Callable[[int], None],
        dry_run: bool,
    ) -> RouterImport:
        """Take the accounts over.

        Args:
            nas_name: for the audit trail.
            plans: codes of plans by profile, in lower case; `*` for every other one.
            actor: who.
            now: when.
            encoding: what comments are written in that are not UTF-8.
            billing_day: of those that go in; None for the day of the import.
            progress: told how many accounts are done.
            dry_run: only tell; nothing goes in.

        Raises:
            RouterRefusalError: the router can't be asked.
            RefusedError: it shows no passwords.
        """
        accounts = await self._router.read()
        _refuse_hidden(accounts)
        async with self._store.read() as work:
            wanted = {account.profile for account in accounts} | set(plans.values())
            today = local_date(now, self._timezone)
            offers = await work.services.offers({code for code in wanted if code and code.isprintable()}, today)
            taken = await work.services.taken_names([shown(account.name) for account in accounts])
        report = RouterImport(len(accounts))
        new = []
        for account in accounts:
            is_live = taken.get(name_key(shown(account.name)))
            if is_live:
                report.known += 1
            else:
                new.append(account)
        rows = RouterRows(new, plans, offers.keys(), encoding=encoding, billing_day=billing_day)

        def left_out(row: CsvRow, reason: str) -> None:
            account = rows.account_of(row)
            report.left_out.append(LeftOut(account.menu, shown(account.name), reason))

        summary = await self._importing.run(
            rows,
            actor,
            now,
            file_name=f"router {nas_name}",
            reserved_numbers=(),
            reject=left_out,
            progress=progress,
            dry_run=dry_run,
        )
        report.imported = summary.imported
        refused = {(one.menu, one.name) for one in report.left_out}
        taken_over = [account for account in new if (account.menu, shown(account.name)) not in refused]
        report.suspended = sum(account.is_disabled for account in taken_over)
        names = {account.name for account in taken_over}
        report.notes = [(shown(name), note) for name, note in rows.notes if name in names]
        uses = Counter(account.profile for account in new)
        report.profiles = [
            ProfileUse(shown(profile), count, rows.plan_for(profile)) for profile, count in uses.most_common()
        ]
        return report


def _refuse_hidden(accounts: Sequence[LocalAccount]) -> None:
    if accounts and all(account.password is None for account in accounts):
        raise RefusedError(
            "the router shows no passwords",
            hint="give the group of its API user the policy `sensitive` while you import: "
            "/user group set GROUP policy=read,write,api,sensitive",
            code="no_passwords",
        )
