"""A real RADIUS exchange from the command line, decoded, and the likely cause when it ends in nothing."""

import argparse
import asyncio
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final

from netbilld.adapters import radius_client
from netbilld.adapters.clock import entropy
from netbilld.adapters.radius_client import Method, Outcome, WantedRequest
from netbilld.cli.context import Context
from netbilld.cli.output import print_json
from netbilld.cli.secret_input import read_secret
from netbilld.daemon.control import call
from netbilld.daemon.policies import standing_policy, walled_garden
from netbilld.model.errors import InvalidInputError, NetbilldError, RefusedError
from netbilld.model.nas import secret_place
from netbilld.radius.attributes import REPLY_MESSAGE
from netbilld.radius.codes import Code
from netbilld.radius.debug import code_name, dump, shown_attributes
from netbilld.radius.dictionary import load, use_files
from netbilld.radius.exchange import ReplyDropReason
from netbilld.radius.packet import decode
from netbilld.radius.realms import Realms
from netbilld.radius.values import text
from netbilld.services.explain import Explain
from netbilld.services.explain_words import Teller
from netbilld.services.manage_nas import unknown_nas

_LOG_WAIT_SECONDS: Final = 2.0  # attempts are written twice a second
_UNSIGNED: Final = frozenset((ReplyDropReason.BAD_AUTHENTICATOR, ReplyDropReason.BAD_MESSAGE_AUTHENTICATOR))
_DROPPED: Final = {
    "unknown_client": "no NAS has our address {source}; `netbilld nas add NAME {source} --secret-stdin`",
    "bad_message_authenticator": "the secret is not that of NAS {nas}; use --nas {nas}, or set it anew",
    "bad_authenticator": "the secret is not that of NAS {nas}; use --nas {nas}, or set it anew",
    "message_authenticator_missing": "NAS {nas} must send Message-Authenticator; leave out --no-message-authenticator",
    "proxy_state_without_message_authenticator": "a proxied request needs Message-Authenticator",
    "malformed": "netbilld could not read the packet",
}


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run `radius test`; done for an accept, and for the answer to a Status-Server.

    Raises:
        RefusedError: a reject, or no answer; the message says what the likely cause is.
    """
    use_files(context.settings.radius.dictionary)
    wanted = await _wanted(options)
    secret = await _secret(options, context)
    host, port = _server(options.server, context)
    built = radius_client.build(wanted, secret, entropy(radius_client.ENTROPY_OCTETS), load())
    if not context.json_wanted:
        print(f"→ {host} port {port}\n{dump(built.datagram)}\n")
    began = context.now()
    outcome = await radius_client.ask(
        host,
        port,
        built,
        secret,
        entropy=entropy(16),
        monotonic=context.clock.monotonic,
        timeout_seconds=min(max(0.05, options.timeout), 60),
        tries=min(max(1, options.tries), 20),
    )
    cause, hint = await _cause(wanted, outcome, context, host, port, began)
    if context.json_wanted:
        _print_json(built.datagram, outcome, host, port, cause)
    else:
        _print(outcome, host)
    if cause is not None:
        raise RefusedError(cause, hint=hint, code="rejected" if outcome.reply else "no_answer")


async def _wanted(options: argparse.Namespace) -> WantedRequest:
    method: Method = options.method or ("pap" if options.username is not None else "status")
    password = ""
    if method in {"pap", "chap", "mschapv2"}:
        if options.username is None:
            raise InvalidInputError(f"a {method} request needs --username")
        if options.password_stdin and options.secret_stdin:
            raise InvalidInputError("only one secret can come by standard input", hint="use --nas for the other")
        password = await read_secret(options, "password", "Password") or ""
    return WantedRequest(
        method=method,
        username=options.username,
        password=password,
        calling_station_id=options.calling_station_id,
        extra=radius_client.parse_attributes(options.attributes),
        message_authenticator=not options.no_message_authenticator,
    )


async def _secret(options: argparse.Namespace, context: Context) -> bytes:
    given = await read_secret(options, "secret", None if options.nas else "RADIUS secret")
    if given is not None:
        return given.encode("utf-8", "surrogateescape")
    if options.nas is None:
        raise InvalidInputError("a request needs a secret", hint="use --nas NAME, --secret-stdin, or a terminal")
    async with context.database() as database, database.read() as work:
        nas = await work.nas.by_name(options.nas)
    if nas is None:
        raise unknown_nas(options.nas)
    return context.box.open(nas.secret_sealed, secret_place(nas.id))


def _server(written: str | None, context: Context) -> tuple[str, int]:
    """Return host and port of `HOST`, `HOST:PORT`, `[IPv6]:PORT`; None is the daemon of these settings."""
    own_port = context.settings.radius.auth_port
    if written is None:
        bound = context.settings.radius.host[0]
        anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here
        return anywhere.get(bound, bound), own_port
    try:
        return str(ip_address(written.strip("[]"))), own_port
    except ValueError:
        pass
    host, sign, port = written.rpartition(":")
    if not sign:
        return written, own_port
    if not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise InvalidInputError(f"--server {written!r}: the port is a number from 1 to 65535")
    return host.strip("[]"), int(port)


def _print(outcome: Outcome, host: str) -> None:
    if outcome.reply is None:
        return
    tries = f", try {outcome.transmissions}" if outcome.transmissions > 1 else ""
    print(f"← {host} after {outcome.seconds * 1000:.1f} ms{tries}\n{dump(outcome.reply.packet)}")
    if outcome.proof is not None:
        print("  the server " + ("proved that it knows the password" if outcome.proof else "did NOT prove itself"))


def _print_json(request: bytes, outcome: Outcome, host: str, port: int, cause: str | None) -> None:
    asked, reply = decode(request), outcome.reply
    print_json(
        {
            "server": host,
            "port": port,
            "request": {"code": code_name(asked.code), "attributes": _pairs(shown_attributes(asked))},
            "reply": None
            if reply is None
            else {"code": code_name(reply.code), "attributes": _pairs(shown_attributes(reply.packet))},
            "latency_us": int(outcome.seconds * 1_000_000) if reply is not None else None,
            "transmissions": outcome.transmissions,
            "server_proved_itself": outcome.proof,
            "cause": cause,
        }
    )


def _pairs(attributes: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in attributes]


# -- the likely cause --------------------------------------------------------------------------------------------------


async def _cause(
    wanted: WantedRequest, outcome: Outcome, context: Context, host: str, port: int, began: datetime
) -> tuple[str | None, str]:
    """Return what likely went wrong, None where nothing did, and what to do about it."""
    reply = outcome.reply
    if reply is None:
        return await _why_silent(outcome, context, host, port, began)
    if reply.code == Code.ACCESS_ACCEPT:
        if outcome.proof is False:
            return "accepted, but by a server that does not know the password", "who answers on that address?"
        return None, ""
    if reply.code == Code.ACCESS_CHALLENGE:
        return "the server asks for more (Access-Challenge)", "EAP is tried with eapol_test"
    said = text(reply.packet.attributes.get(REPLY_MESSAGE, b""))
    logged = await _why_rejected(wanted, context, began)
    if logged is not None:
        return f"rejected: {logged[0]}", logged[1]
    if said:
        return f"rejected, and told: {said}", ""
    return "rejected: user name or password is not right, or may not come in now", "ask the server's own log"


async def _why_silent(outcome: Outcome, context: Context, host: str, port: int, began: datetime) -> tuple[str, str]:
    source = outcome.source[0]
    if outcome.refused:
        return f"nothing listens on {host} port {port}", "start `netbilld serve`, or name another --server"
    if _UNSIGNED.intersection(outcome.dropped):
        return f"{host} answered, but signed with another secret", "make both secrets the same"
    if outcome.dropped:
        return f"{host} answered with something that is no reply to this ({outcome.dropped[-1]})", ""
    told = await call(context.settings.data_dir, {"verb": "drops", "names": [], "nas": None}, timeout_seconds=2)
    for line in _drops_of(told, source, began):
        said = _DROPPED.get(line["reason"])
        if said is not None:
            return f"no answer from {host} port {port}: " + said.format(source=source, nas=line["nas"]), ""
    return (
        f"no answer from {host} port {port} in {outcome.transmissions} tries",
        f"it may not know {source} as a NAS, have another secret, or a firewall may stop UDP",
    )


def _drops_of(told: dict[str, Any] | None, source: str, began: datetime) -> list[dict[str, Any]]:
    lines = told.get("sources", []) if told is not None else []
    same = {source, f"::ffff:{source}"}
    margin = timedelta(seconds=1)
    return [
        line for line in lines if line["source"] in same and datetime.fromisoformat(line["last_at"]) >= began - margin
    ]


async def _why_rejected(wanted: WantedRequest, context: Context, began: datetime) -> tuple[str, str] | None:
    """Return what our own log and checks say of this very attempt; None where the server was another."""
    if wanted.username is None:
        return None
    settings = context.settings
    try:
        async with context.database() as database:
            ends_mono = context.clock.monotonic() + _LOG_WAIT_SECONDS
            while True:
                async with database.read() as work:
                    newest = await work.auth_log.list(wanted.username, 1)
                if newest and newest[0].at >= began - timedelta(seconds=1):
                    break
                if context.clock.monotonic() >= ends_mono:
                    return None
                await asyncio.sleep(0.1)

            async def ask_nobody(_names: object, _nas: object) -> None:
                return None

            explained = await Explain(
                database,
                standing_policy(settings),
                walled_garden(settings),
                ask_nobody,
                realms=Realms.of(settings.radius.realms),
                interim_seconds=settings.radius.interim_interval,
                silent_after_seconds=settings.metering.stale_minutes * 60,
            ).run(wanted.username, context.now())
    except NetbilldError:  # no database of ours here: the server is another's
        return None
    first = explained.first
    if first is None or first.name.value == "link":
        return newest[0].reason.replace("_", " "), "`netbilld explain` says more"
    said = Teller("en", settings.timezone, settings.currency).say(first)
    return said.text.rstrip("."), said.action.rstrip(".")
