"""`netbilld doctor nas NAME`: one NAS examined, each fault with the lines that mend it."""

import argparse
from collections.abc import Mapping
from typing import Any

from netbilld.adapters.clock import entropy
from netbilld.cli.context import Context
from netbilld.cli.main import REFUSED
from netbilld.cli.output import print_json
from netbilld.daemon.control import call
from netbilld.daemon.doctoring import DoctorForOnce
from netbilld.enforcement.doctor.checks import Result
from netbilld.services.doctor_nas import Examination
from netbilld.services.doctor_words import DoctorTeller


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Examine, tell, and exit 1 where something is wrong."""
    settings = context.settings

    async def ask_daemon(nas: str) -> Mapping[str, Any] | None:
        told = await call(settings.data_dir, {"verb": "drops", "names": [], "nas": nas})
        return told if told is not None and told.get("ok") else None

    async with context.database() as database:
        doctor = DoctorForOnce(settings, database, context.box, context.clock, entropy, ask_daemon)
        found = await doctor.run(options.name, context.now())
    if options.json:
        print_json(_document(found, settings.timezone), settings.timezone)
    else:
        _print(found, settings.timezone)
    return None if found.is_ok else REFUSED


def _document(found: Examination, timezone: str) -> dict[str, Any]:
    teller = DoctorTeller("en", timezone)
    return {
        "nas": found.nas,
        "at": found.at,
        "ok": found.is_ok,
        "counts": {result.value: found.count(result) for result in Result},
        "checks": [
            {
                "name": finding.name.value,
                "result": finding.result.value,
                "cause": finding.cause,
                "detail": teller.say(finding).text,
                "hint": finding.mend[0] if finding.mend else "",
                "mend": list(finding.mend),
            }
            for finding in found.findings
        ],
    }


def _print(found: Examination, timezone: str) -> None:
    teller = DoctorTeller("en", timezone)
    width = max(len(finding.name.value) for finding in found.findings)
    for finding in found.findings:
        print(f"{finding.result.value:<8}{finding.name.value:<{width}}  {teller.say(finding).text}")
        if finding.result is not Result.OK:
            for line in finding.mend:
                print(f"{'':<8}{'':<{width}}  → {line}")
