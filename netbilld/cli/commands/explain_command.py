"""`netbilld explain`: why someone can't get online, check by check, and what to do about it."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from netbilld.adapters.secretbox import SecretBox
from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.output import print_json
from netbilld.daemon.control import call
from netbilld.daemon.policies import standing_policy, walled_garden
from netbilld.enforcement.explain import Check, Explanation
from netbilld.model.errors import InvalidInputError, NetbilldError
from netbilld.radius.realms import Realms
from netbilld.services.explain import Explain
from netbilld.services.explain_words import Locale, Teller

_MARKS = {"ok": "✓", "blocking": "✗", "warning": "!", "unknown": "?"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verb's options."""
    parser.add_argument("username", metavar="USERNAME", help="a name to log in with, also one that is nobody's")
    parser.add_argument(
        "--lang", choices=("id", "en"), help="language of the sentences; default is the `locale` setting"
    )
    add_json_option(parser)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run `explain`; that something blocks is its answer, not a failure."""
    settings = context.settings
    if not options.username.strip():
        raise InvalidInputError("the user name is empty", hint="write the name that the modem logs in with")

    async def ask_drops(names: Sequence[str], nas: str | None) -> Mapping[str, Any] | None:
        told = await call(settings.data_dir, {"verb": "drops", "names": list(names), "nas": nas}, timeout_seconds=2)
        return told if told is not None and told.get("ok") else None

    async with context.database() as database:
        explained = await Explain(
            database,
            standing_policy(settings),
            walled_garden(settings),
            ask_drops,
            realms=Realms.of(settings.radius.realms),
            interim_seconds=settings.radius.interim_interval,
            silent_after_seconds=settings.metering.stale_minutes * 60,
            box=_box(context),
        ).run(options.username, context.now())
    tellers = {locale: Teller(locale, settings.timezone, settings.currency) for locale in _locales()}
    if context.json_wanted:
        print_json(document(explained, tellers), settings.timezone)
    else:
        _print(explained, tellers[options.lang or settings.locale])


def _box(context: Context) -> SecretBox | None:
    """Return what knows codes of vouchers; None for who may not read the key."""
    try:
        return context.box
    except NetbilldError:
        return None


def document(explained: Explanation, tellers: Mapping[Locale, Teller]) -> dict[str, Any]:
    """Return the explanation as JSON has it: `cause` and `check` are stable words, sentences come in both languages."""
    first = explained.first
    return {
        "username": explained.username,
        "subscriber_no": explained.subscriber_no,
        "name": explained.subscriber_name,
        "at": explained.now,
        "verdict": explained.verdict,
        "online": explained.online is not None,
        "cause": first.cause if first is not None else None,
        "first": None if first is None else _check(first, tellers),
        "did_you_mean": list(explained.similar),
        "checks": [_check(check, tellers) for check in explained.checks],
    }


def _check(check: Check, tellers: Mapping[Locale, Teller]) -> dict[str, Any]:
    said = {locale: teller.say(check) for locale, teller in tellers.items()}
    return {
        "check": check.name.value,
        "state": check.state.value,
        "cause": check.cause,
        "text": {locale: one.text for locale, one in said.items()},
        "action": {locale: one.action for locale, one in said.items()},
        "facts": dict(check.values),
    }


def _print(explained: Explanation, teller: Teller) -> None:
    who = f"{explained.username}" + (f" · {explained.subscriber_name}" if explained.subscriber_name else "")
    number = f" ({explained.subscriber_no})" if explained.subscriber_no else ""
    print(f"{who}{number}: {teller.verdict(explained)}")
    first = explained.first
    if first is not None:
        said = teller.say(first)
        print(f"  {said.title}: {said.text}")
        if said.action:
            print(f"  → {said.action}")
    print()
    for check in explained.checks:
        if check.cause == "no_service":
            continue
        said = teller.say(check)
        print(f"  {_MARKS[check.state.value]} {said.title:<14}{said.text}")
        if said.action and check is not first:
            print(f"    {'':<14}→ {said.action}")


def _locales() -> tuple[Locale, ...]:
    return ("id", "en")
