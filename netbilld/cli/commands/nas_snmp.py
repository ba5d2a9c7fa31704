"""What `netbilld nas add/set` is told of SNMP, and what `nas show` says of it."""

import argparse
from typing import Any

from netbilld.cli.cells import local_time, octets
from netbilld.cli.secret_input import add_secret_option, read_secret
from netbilld.model.device_state import DeviceState
from netbilld.model.errors import InvalidInputError
from netbilld.model.snmp import AUTH_PROTOCOLS, PRIV_PROTOCOLS, SnmpUser
from netbilld.services.snmp_fields import SnmpFields


def add_snmp_options(parser: argparse.ArgumentParser) -> None:
    """Give a verb the options of SNMP."""
    add_secret_option(parser, "snmp-community", "SNMPv2c: its community; '' for none")
    parser.add_argument("--snmp-user", metavar="NAME", help="SNMPv3: its user, given anew with its keys; '' for none")
    parser.add_argument("--snmp-auth-protocol", choices=AUTH_PROTOCOLS, help="default sha")
    add_secret_option(parser, "snmp-auth-key", "SNMPv3: the user's authentication password")
    parser.add_argument("--snmp-priv-protocol", choices=PRIV_PROTOCOLS, help="default aes")
    add_secret_option(parser, "snmp-priv-key", "SNMPv3: the user's privacy password")
    parser.add_argument("--snmp-address", metavar="HOST", help="where its agent is; default its own address")
    parser.add_argument("--snmp-port", type=int, metavar="PORT", help="default 161")
    parser.add_argument(
        "--snmp-uplink",
        metavar="INTERFACE",
        help="which carries all of its subscribers' traffic, to check accounting by; default its PPP interfaces",
    )


async def read_snmp_fields(options: argparse.Namespace) -> SnmpFields:
    """Return what the options say.

    Raises:
        InvalidInputError: keys without a user.
    """
    auth_key = await read_secret(options, "snmp-auth-key", None)
    priv_key = await read_secret(options, "snmp-priv-key", None)
    user = None
    if options.snmp_user is not None:
        user = SnmpUser(
            options.snmp_user.strip(),
            options.snmp_auth_protocol or ("sha" if auth_key else None),
            auth_key,
            options.snmp_priv_protocol or ("aes" if priv_key else None),
            priv_key,
        )
    elif auth_key or priv_key or options.snmp_auth_protocol or options.snmp_priv_protocol:
        raise InvalidInputError("SNMP keys are a user's", hint="give --snmp-user as well")
    return SnmpFields(user, options.snmp_address, options.snmp_port, options.snmp_uplink)


def device_document(state: DeviceState | None) -> dict[str, Any] | None:
    """Return what is known of a device, as `nas show --json` says it."""
    if state is None:
        return None
    return {
        "asked_at": state.asked_at,
        "answered_at": state.answered_at,
        "trouble": state.trouble,
        "notes": list(state.notes),
        "uptime_seconds": state.ticks // 100 if state.answered_at is not None else None,
        "name": state.name,
        "description": state.description,
        "version": state.version,
        "cpu_percent": state.cpu_percent,
        "memory_octets": state.memory_octets,
        "memory_used_octets": state.memory_used_octets,
        "temperature_celsius": None if state.temperature_decidegrees is None else state.temperature_decidegrees / 10,
        "ppp_sessions": state.ppp_sessions,
    }


def device_lines(document: dict[str, Any] | None, zone: str) -> list[str]:
    """Return the same for a person."""
    if document is None:
        return []
    asked, answered = local_time(document["asked_at"], zone), local_time(document["answered_at"], zone)
    if document["trouble"]:
        lines = [f"! SNMP: {document['trouble']}; asked {asked}, answered {answered or 'never'}"]
    else:
        lines = [f"SNMP answered {answered}: {document['name']} {document['version'] or document['description']}"]
    parts = []
    if (uptime := document["uptime_seconds"]) is not None:
        parts.append(f"up {uptime // 86_400} days {uptime % 86_400 // 3600} h")
    if document["cpu_percent"] is not None:
        parts.append(f"CPU {document['cpu_percent']} %")
    if document["memory_octets"]:
        parts.append(f"memory {octets(document['memory_used_octets'])} of {octets(document['memory_octets'])}")
    if document["temperature_celsius"] is not None:
        parts.append(f"{document['temperature_celsius']} °C")
    if document["ppp_sessions"] is not None:
        parts.append(f"{document['ppp_sessions']} PPP sessions")
    if parts:
        lines.append("  " + ", ".join(parts))
    return [*lines, *(f"! SNMP: {note}" for note in document["notes"])]
