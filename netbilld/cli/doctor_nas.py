"""`netbilld doctor nas NAME`: one NAS examined, each fault with the lines that mend it."""

import argparse
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from netbilld.adapters.clock import entropy
from netbilld.adapters.nas.routeros import RouterosConnection
from netbilld.adapters.nas.routeros_config import RouterosConfig
from netbilld.cli.context import Context
from netbilld.cli.main import REFUSED
from netbilld.cli.output import print_json
from netbilld.daemon.control import call
from netbilld.daemon.doctoring import doctor_of
from netbilld.daemon.late_reader import LateReader
from netbilld.enforcement.doctor.checks import Result
from netbilld.model.api_address import parse_api_address
from netbilld.model.errors import NetbilldError
from netbilld.model.nas import Nas, api_url_place
from netbilld.services.doctor_nas import Examination
from netbilld.services.doctor_words import DoctorTeller


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Examine, tell, and exit 1 where something is wrong."""
    settings = context.settings

    async def ask_daemon(nas: str) -> Mapping[str, Any] | None:
        told = await call(settings.data_dir, {"verb": "drops", "names": [], "nas": nas})
        return told if told is not None and told.get("ok") else None

    snmp = LateReader(settings.snmp.timeout_seconds, context.clock)
    try:
        with _connections(context) as connection_of:
            async with context.database() as database:
                doctor = doctor_of(
                    settings,
                    database,
                    context.box,
                    context.clock,
                    entropy,
                    ask_daemon,
                    RouterosConfig(connection_of, context.now),
                    snmp,
                )
                found = await doctor.run(options.name, context.now())
    finally:
        snmp.close()
    if options.json:
        print_json(_document(found, settings.timezone), settings.timezone)
    else:
        _print(found, settings.timezone)
    return None if found.is_ok else REFUSED


@contextmanager
def _connections(context: Context) -> Iterator[Any]:
    """Give what opens a connection to a NAS's router; they are closed at the end."""
    opened: dict[Nas, RouterosConnection | None] = {}

    def connection_of(nas: Nas) -> RouterosConnection | None:
        if nas not in opened:
            opened[nas] = _connection(nas, context)
        return opened[nas]

    try:
        yield connection_of
    finally:
        for connection in opened.values():
            if connection is not None:
                connection.close()


def _connection(nas: Nas, context: Context) -> RouterosConnection | None:
    if nas.api_url_sealed is None:
        return None
    try:
        address = parse_api_address(context.box.open(nas.api_url_sealed, api_url_place(nas.id)).decode())
    except NetbilldError:
        return None
    if address is None:
        return None
    return RouterosConnection(
        address,
        timeout_seconds=context.settings.metering.api_timeout_seconds,
        monotonic=context.clock.monotonic,
        jitter=lambda: secrets.randbelow(1000) / 1000,
    )


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
