"""`netbilld doctor`: checks configuration, database, clock and ports, and says what to do."""

import argparse
import os
from dataclasses import asdict

from netbilld.adapters.database.engine import Database
from netbilld.cli.address_checks import check_addresses
from netbilld.cli.api_checks import check_apis
from netbilld.cli.certificate_checks import check_certificates
from netbilld.cli.checks import (
    Check,
    check_daemon,
    check_data_dir,
    check_database,
    check_key_file,
    check_ports,
    failed,
)
from netbilld.cli.context import Context
from netbilld.cli.device_checks import check_devices
from netbilld.cli.dropped_packets import check_dropped, dropped_packets
from netbilld.cli.main import REFUSED, add_json_option
from netbilld.cli.mqtt_check import check_mqtt
from netbilld.cli.node_checks import check_nodes
from netbilld.cli.output import print_json
from netbilld.cli.plan_checks import check_plans
from netbilld.daemon.control import call
from netbilld.model.errors import NetbilldError


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the options, and the verb for one NAS."""
    add_json_option(parser)
    verbs = parser.add_subparsers(dest="what", metavar="nas")
    one = verbs.add_parser("nas", help="examine one NAS: what is wrong with it, and the lines that mend it")
    one.add_argument("name", metavar="NAME")
    add_json_option(one)


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Check, tell, and exit 1 where something fails."""
    if options.what == "nas":
        from netbilld.cli import doctor_nas  # noqa: PLC0415 - routers and SNMP are slow to load

        return await doctor_nas.run(options, context)
    checks = await _checks(context)
    ok = all(check.result != "fail" for check in checks)
    if options.json:
        print_json({"ok": ok, "checks": [asdict(check) for check in checks]})
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            print(f"{check.result:<8}{check.name:<{width}}  {check.detail}")
            if check.hint and check.result != "ok":
                print(f"{'':<8}{'':<{width}}  → {check.hint}")
    return None if ok else REFUSED


async def _checks(context: Context) -> list[Check]:
    try:
        settings = context.settings
    except NetbilldError as error:
        return [failed("config", error)]
    source = context.config or os.environ.get("NETBILLD_CONFIG") or "environment and defaults"
    checks = [Check("config", "ok", f"{source}: valid")]
    checks += check_data_dir(settings.data_dir)
    key, box = check_key_file(settings.resolved_key_file)
    checks.append(key)
    try:
        database = Database(settings.resolved_database_url)
    except NetbilldError as error:
        checks.append(failed("database", error))
    else:
        try:
            checks += await check_database(database, box, context.now())
            if any(check.name == "schema" and check.result == "ok" for check in checks):
                checks += await check_nodes(database, context.now())
            if all(check.result != "fail" for check in checks if check.name in {"database", "schema"}):
                checks += await check_addresses(database)
                checks += await check_plans(database)
                if box is not None:
                    checks += await check_apis(database, box, settings.metering.api_timeout_seconds)
                checks += await check_devices(database, context.now())
        except NetbilldError as error:
            checks.append(failed("database", error))
        finally:
            await database.close()
    daemon = await call(settings.data_dir, {"verb": "status"})
    checks.append(check_daemon(daemon))
    checks += check_dropped(await dropped_packets(settings.data_dir, None), context.now())
    checks += check_ports(settings, daemon)
    checks += check_certificates(settings, context.now())
    checks += await check_mqtt(settings)
    return checks
