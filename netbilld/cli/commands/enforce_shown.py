"""`netbilld enforce history`, `effects` and `alerts`: how what is due came about, how long it took, what stays out."""

import argparse
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.output import note, print_json, print_table
from netbilld.enforcement.effect_figures import EffectFigures, Spread, figures
from netbilld.model.subscriber import unknown_username
from netbilld.services.enforcement_history import ServiceChange, Step
from netbilld.services.raise_alerts import WORDS, Alert

MOST_EFFECTS: Final = 100_000
_STEPS: Final = {
    "due": "desired",
    "sent": "sent",
    "acked": "acknowledged",
    "nacked": "refused",
    "timed_out": "no answer",
    "failed": "failed",
    "gone": "session gone",
    "back": "back",
    "seen": "seen",
    "disproved": "not so",
}


async def history(options: argparse.Namespace, context: Context) -> None:
    """Run `enforce history USERNAME`."""
    async with context.database() as database, database.read() as work:
        found = await work.subscribers.by_credential_name(options.username)
        if found is None:
            raise unknown_username(options.username)
        changes = await work.history.of_services([found.service.id], options.limit)
    timezone = context.settings.timezone
    if context.json_wanted:
        print_json([_change_document(change) for change in changes], timezone)
        return
    rows = []
    for change in changes:
        for step in reversed(change.steps):
            after = (step.at - change.began_at).total_seconds()
            rows.append(
                [
                    local_time(step.at, timezone),
                    change.access,
                    _STEPS[step.what],
                    "" if change.cause == "login" else f"+{max(0.0, after):.2f} s",
                    change.cause if step.what == "due" else step.action or step.evidence,
                    step.nas,
                    _words(change, step),
                ]
            )
    print_table(["AT", "ACCESS", "STEP", "AFTER", "BY", "NAS", "WORDS"], rows, right=(3,))
    if not rows:
        note(f"nothing has had to be enforced for {options.username!r} so far")


def _words(change: ServiceChange, step: Step) -> str | None:
    if step.what == "due":
        superseded = "; something else was due before it was seen" if change.ending == "superseded" else ""
        return (change.reason or "") + superseded
    cause = f"Error-Cause {step.error_cause}" if step.error_cause is not None else None
    return " ".join(word for word in (step.detail, cause) if word) or None


def _change_document(change: ServiceChange) -> dict[str, Any]:
    return {
        "at": change.at,
        "access": change.access,
        "reason": change.reason,
        "cause": change.cause,
        "cause_at": change.cause_at,
        "ending": change.ending,
        "seen_seconds": None if change.seen_seconds is None else round(change.seen_seconds, 3),
        "steps": [
            {
                "at": step.at,
                "step": step.what,
                "seconds": round((step.at - change.began_at).total_seconds(), 3),
                "action": step.action,
                "nas": step.nas,
                "session_id": step.session_id,
                "evidence": step.evidence,
                "error_cause": step.error_cause,
                "detail": step.detail,
            }
            for step in change.steps
        ],
    }


async def effects(options: argparse.Namespace, context: Context) -> None:
    """Run `enforce effects`."""
    since_at = context.now() - timedelta(hours=options.hours)
    async with context.database() as database, database.read() as work:
        seen = await work.effects.seen_since(since_at, MOST_EFFECTS)
        endings = await work.effects.endings_since(since_at)
    by_cause = figures(seen, lambda one: one.cause)
    by_nas = figures(seen, lambda one: one.nas)
    if context.json_wanted:
        document = {
            "since": since_at,
            "endings": endings,
            "by_cause": [_figures_document(one, "cause") for one in by_cause],
            "by_nas": [_figures_document(one, "nas") for one in by_nas],
        }
        print_json(document, context.settings.timezone)
        return
    rows = [*_figure_rows("cause", by_cause), *_figure_rows("NAS", by_nas)]
    print_table(["OF", "", "STEP", "CHANGES", "P50", "P95", "P99", "MOST"], rows, right=(3, 4, 5, 6, 7))
    others = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(endings.items()))
    note(f"seconds since the cause, of the last {options.hours:g} hours: {others or 'no change needed a NAS'}")


def _figures_document(one: EffectFigures, name: str) -> dict[str, Any]:
    return {name: one.name, "changes": one.count} | {step: _spread(spread) for step, spread in one.steps().items()}


def _spread(spread: Spread) -> dict[str, float]:
    return {
        "changes": spread.count,
        "p50": round(spread.p50, 3),
        "p95": round(spread.p95, 3),
        "p99": round(spread.p99, 3),
        "most": round(spread.most, 3),
    }


def _figure_rows(kind: str, groups: Sequence[EffectFigures]) -> list[list[Any]]:
    return [
        [
            kind,
            group.name,
            step.replace("_", " "),
            spread.count,
            *(f"{value:.2f}" for value in (spread.p50, spread.p95, spread.p99, spread.most)),
        ]
        for group in groups
        for step, spread in group.steps().items()
    ]


async def alerts(options: argparse.Namespace, context: Context) -> None:
    """Run `enforce alerts`."""
    async with context.database() as database, database.read() as work:
        found = await (work.alerts.newest(options.limit) if options.all else work.alerts.open())
    timezone = context.settings.timezone
    if context.json_wanted:
        print_json([_alert_document(alert) for alert in found], timezone)
        return
    rows = [
        [
            local_time(alert.raised_at, timezone),
            local_time(alert.cleared_at, timezone) or "lasts",
            alert.trouble.username,
            alert.trouble.nas,
            WORDS[alert.trouble.kind],
            alert.trouble.reason,
        ]
        for alert in found
    ]
    if rows:
        print_table(["RAISED", "MENDED", "USERNAME", "NAS", "WHAT", "REASON"], rows)
    else:
        note("no alert")


def _alert_document(alert: Alert) -> dict[str, Any]:
    trouble = alert.trouble
    return {
        "id": alert.alert_id,
        "kind": trouble.kind.value,
        "username": trouble.username,
        "service_id": trouble.service_id,
        "nas": trouble.nas,
        "reason": trouble.reason,
        "raised_at": alert.raised_at,
        "cleared_at": alert.cleared_at,
    }
