"""A router's own accounts as rows of an import: profiles become plans, comments names, stations locks."""

import codecs
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from netbilld.model.errors import InvalidInputError
from netbilld.ports.local_accounts import LocalAccount
from netbilld.radius.values import normalise_mac
from netbilld.services.import_rows import CsvRow, ImportRow, with_days
from netbilld.services.new_service import NewService
from netbilld.services.subscriber_fields import LONGEST_NAME, parse_billing_day, parse_static_ip

EVERY_PROFILE: Final = "*"
SUSPENDED_BECAUSE: Final = "disabled on the router"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class RouterRows:
    """The accounts of one router, as `ImportSubscribers` takes them.

    Attributes:
        notes: what of accounts that go in is left behind, as (name, words).
    """

    header = ("name", "profile")

    def __init__(
        self,
        accounts: Sequence[LocalAccount],
        plans: Mapping[str, str],
        known_plans: Collection[str],
        *,
        encoding: str,
        billing_day: str | None = None,
    ) -> None:
        """Take the accounts.

        Args:
            accounts: those that go in.
            plans: codes of plans by profile, in lower case; `*` for every other profile.
            known_plans: codes of the plans there are, in lower case.
            encoding: what comments are written in that are not UTF-8.
            billing_day: of each; None for the day of the import.

        Raises:
            InvalidInputError: there is no such encoding.
        """
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise InvalidInputError(
                f"encoding {encoding[:40]!r} is not known", hint="such as cp1252 or cp1251"
            ) from None
        self.notes: list[tuple[str, str]] = []
        self._accounts = tuple(accounts)
        self._plans = plans
        self._known_plans = known_plans
        self._encoding = encoding
        self._billing_day = billing_day

    def __iter__(self) -> Iterator[CsvRow]:
        """Yield the accounts, numbered."""
        for line, account in enumerate(self._accounts, 1):
            yield CsvRow(line, (account.name, account.profile))

    def account_of(self, row: CsvRow) -> LocalAccount:
        """Return the account that a row is."""
        return self._accounts[row.line - 1]

    def understand(self, row: CsvRow, currency: str, today: date) -> ImportRow:
        """Return what an account asks for.

        Raises:
            InvalidInputError: why it can't go in.
        """
        del currency
        account = self.account_of(row)
        if not _is_text(account.name):
            raise InvalidInputError("the user name is not UTF-8 text", hint="rename it on the router")
        if account.password is None:
            raise InvalidInputError(
                "the router does not show its password", hint="its API user needs the policy sensitive"
            )
        if not _is_text(account.password):
            raise InvalidInputError("the password is not UTF-8 text", hint="set another on the router")
        plan = self.plan_for(account.profile)
        if plan is None:
            raise InvalidInputError(
                f"profile {shown(account.profile)!r} has no plan", hint=f"--map '{shown(account.profile)}=PLAN'"
            )
        notes: list[str] = []
        lock_mac = self._station(account, notes)
        new = NewService(
            username=account.name,
            plan=plan,
            password=account.password,
            name=self._name(account, notes),
            ip=self._address(account, notes),
            billing_day=self._billing_day,
        )
        if account.beside:
            notes.append(f"not taken over: {', '.join(map(shown, account.beside))}"[:300])
        if self._billing_day is not None:
            parse_billing_day(self._billing_day)
        self.notes += [(account.name, note) for note in notes]
        return replace(
            ImportRow(row.line, row.cells, with_days(new, today), 0),
            lock_mac=lock_mac,
            suspended_because=SUSPENDED_BECAUSE if account.is_disabled else None,
        )

    def plan_for(self, profile: str) -> str | None:
        """Return the code of the plan that stands for a profile: as it was said, else the plan of that very name."""
        key = profile.casefold()
        if (said := self._plans.get(key)) is not None:
            return said
        return profile if key in self._known_plans else self._plans.get(EVERY_PROFILE)

    def _name(self, account: LocalAccount, notes: list[str]) -> str | None:
        """Return the comment as the subscriber's name: no control characters, and no longer than a name may be."""
        text = account.comment
        if not _is_text(text):
            text = text.encode("utf-8", "surrogateescape").decode(self._encoding, "replace")
        text = _CONTROL.sub(" ", text).strip()
        if len(text) > LONGEST_NAME:
            notes.append(f"its comment is longer than a name; left out: {text[LONGEST_NAME:][:200]!r}")
            text = text[:LONGEST_NAME].strip()
        return text or None

    def _station(self, account: LocalAccount, notes: list[str]) -> str | None:
        if not account.caller_id or account.caller_id == "00:00:00:00:00:00":
            return None
        mac = normalise_mac(account.caller_id)
        if mac is None:
            notes.append(f"caller-id {shown(account.caller_id)} is no MAC address; not locked to it")
        return mac

    def _address(self, account: LocalAccount, notes: list[str]) -> str | None:
        if not account.address or account.address == "0.0.0.0":  # noqa: S104 - RouterOS's word for none
            return None
        try:
            return parse_static_ip(account.address)
        except InvalidInputError:
            notes.append(f"address {shown(account.address)!r} is no subscriber's address but perhaps a pool's name")
            return None


def parse_map(written: Iterable[str]) -> dict[str, str]:
    """Return codes of plans by profile in lower case, written as PROFILE=PLAN.

    Raises:
        InvalidInputError: one is written otherwise, or a profile is there twice.
    """
    plans: dict[str, str] = {}
    for text in written:
        profile, equals, plan = text.rpartition("=")
        key = profile.strip().casefold()
        if not equals or not key or not plan.strip():
            raise InvalidInputError(f"--map {text[:80]!r}: write PROFILE=PLAN, or *=PLAN for every other profile")
        if key in plans:
            raise InvalidInputError(f"--map: profile {profile.strip()[:80]!r} is there twice")
        plans[key] = plan.strip()
    return plans


def shown(text: str) -> str:
    """Return text that may hold octets of no encoding, fit to be shown."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_text(text: str) -> bool:
    return not any("\udc80" <= character <= "\udcff" for character in text)
