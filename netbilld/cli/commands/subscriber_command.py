"""`netbilld subscriber add/show/list/set/pause/suspend/resume/terminate`."""

import argparse
from typing import Any, Final

from netbilld.adapters.database.unit_of_work import UnitOfWork
from netbilld.cli.cells import local_time, octets
from netbilld.cli.commands.subscriber_buyer import add_buyer_options
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_idempotency_option, add_json_option
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.cli.secret_input import add_secret_option
from netbilld.cli.terms_shown import terms_document, terms_fields
from netbilld.daemon.policies import standing_policy, walled_garden
from netbilld.enforcement.policy import entitlement
from netbilld.model.periods import local_date
from netbilld.model.subscriber import LOCALES, PERSON_FIELDS, CredentialKind, FoundService, unknown_username
from netbilld.services.manage_buyers import buyer_document
from netbilld.services.manage_locks import lock_words
from netbilld.services.overshoot import overshoot_bounds

# states of a service as they are said of its subscriber
_STATUS: Final = {"ended": "terminated"}
_STATUSES: Final = ("active", "suspended", "paused", "terminated")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(
        dest="action", required=True, metavar="add|show|list|set|pause|suspend|resume|terminate"
    )
    add = verbs.add_parser("add", help="make a subscriber with a service, or a service for one with --of")
    add.add_argument("username", metavar="USERNAME", help="PPPoE or hotspot user, a MAC address, or circuit:ID")
    add.add_argument("--plan", required=True, metavar="CODE")
    add.add_argument("--of", metavar="SUBSCRIBER_NO", help="add the service to this subscriber")
    _add_fields(add)
    add_idempotency_option(add)
    show = verbs.add_parser("show", help="one service and its subscriber")
    show.add_argument("username", metavar="USERNAME", help="any name it logs in with")
    add_json_option(show)
    listing = verbs.add_parser("list", help="all of them, or some")
    listing.add_argument(
        "--search", default="", metavar="TEXT", help="part of a number, name, phone, address or user name"
    )
    listing.add_argument("--status", choices=_STATUSES)
    listing.add_argument("--plan", metavar="CODE")
    listing.add_argument("--area", metavar="TEXT")
    listing.add_argument("--limit", type=int, metavar="N", help="at most so many")
    listing.add_argument("--offset", type=int, default=0, metavar="N", help="pass over so many")
    add_json_option(listing)
    change = verbs.add_parser(
        "set",
        help="change one",
        description="What is not named stays as it is; empty text clears phone, email, address, area, locale, mac, "
        "circuit, ip, prefixes and group. A plan that costs more takes effect today, one that costs less with the "
        "next period, unless --from says otherwise; the allowance used so far stays used.",
    )
    change.add_argument("username", metavar="USERNAME")
    change.add_argument("--username", dest="new_username", metavar="NAME", help="rename it; history stays")
    change.add_argument("--plan", metavar="CODE")
    change.add_argument("--site", metavar="TEXT", help="where the service is: a company's invoice is grouped by it")
    _add_fields(change)
    change.add_argument(
        "--circuit",
        metavar="ID",
        help="circuit or remote id of a DHCP line that logs in by itself, beside the user name",
    )
    _add_terms(change)
    _add_locks(change)
    pause = verbs.add_parser("pause", help="stop the service at the subscriber's wish (cuti), until `resume` or a day")
    pause.add_argument("username", metavar="USERNAME")
    pause.add_argument("--from", dest="starts", metavar="DATE", help="the first day; default at once")
    pause.add_argument("--until", metavar="DATE", help="the day on which it runs again by itself")
    pause.add_argument("--reason", metavar="TEXT")
    add_config_option(pause)
    add_buyer_options(change)
    for verb, summary in (
        ("suspend", "suspend the service until `resume`"),
        ("resume", "end a suspension or a pause"),
        ("terminate", "end the service for good; nothing is deleted"),
    ):
        one = verbs.add_parser(verb, help=summary)
        one.add_argument("username", metavar="USERNAME")
        if verb != "resume":
            one.add_argument("--reason", metavar="TEXT")
        add_config_option(one)


def _add_fields(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    add_secret_option(parser, "password", "what the user name logs in with")
    parser.add_argument("--billing-day", metavar="1..31", help="default the day of activation")
    parser.add_argument("--active-until", metavar="DATE", help="prepaid: the last day that is paid for")
    parser.add_argument("--mac", metavar="MAC", help="a MAC address that logs in by itself, beside the user name")
    parser.add_argument("--ip", metavar="ADDRESS", help="static address")
    parser.add_argument("--ipv6-prefix", metavar="PREFIX", help="static IPv6 prefix of its link: Framed-IPv6-Prefix")
    parser.add_argument(
        "--delegated-prefix", metavar="PREFIX", help="static IPv6 prefix for its network: Delegated-IPv6-Prefix"
    )
    parser.add_argument("--group", metavar="CODE", help="customer group, for plans and prices of its own")
    for name in PERSON_FIELDS:
        metavar = "|".join(LOCALES) if name == "locale" else "TEXT"
        parser.add_argument(f"--{name}", metavar=metavar, help="default the provider's" if name == "locale" else None)


def _add_terms(parser: argparse.ArgumentParser) -> None:
    terms = parser.add_argument_group("terms", "what the service is billed by, instead of what its plan says")
    terms.add_argument("--from", dest="starts", metavar="now|next|DATE", help="the day from which the terms hold")
    terms.add_argument("--reset-allowance", action="store_true", help="what was used counts no more")
    terms.add_argument("--price", metavar="AMOUNT|none", help="of the fee; none: the plan's")
    terms.add_argument("--speed", metavar="DOWN/UP|none", help="as 20M/10M")
    terms.add_argument("--free", choices=("yes", "no"), help="complimentary: costs nothing, and is metered")
    terms.add_argument("--timing", choices=("prepaid", "postpaid", "plan"))
    terms.add_argument("--add-on", action="append", default=[], metavar="CODE", help="take an add-on of the plan")
    terms.add_argument("--drop-add-on", action="append", default=[], metavar="CODE", help="give it back")
    terms.add_argument("--discount", metavar="PERCENT%|AMOUNT|none", help="taken from the fee; none: no own ones")
    terms.add_argument("--periods", type=int, metavar="N", help="how long that discount lasts; default for ever")
    terms.add_argument("--coupon", metavar="CODE")
    terms.add_argument("--why", metavar="TEXT", help="kept with the change; needed for what the plan doesn't say")


def _add_locks(parser: argparse.ArgumentParser) -> None:
    locks = parser.add_argument_group(
        "locks", "where the service may log in from; named again, a kind's list replaces the one before"
    )
    for kind, metavar in (("mac", "MAC"), ("vlan", "VLAN"), ("port", "NAS_PORT_ID"), ("nas", "NAME")):
        locks.add_argument(f"--lock-{kind}", action="append", metavar=metavar, help="may be given several times")
    locks.add_argument(
        "--unlock",
        action="append",
        nargs="?",
        const="all",
        choices=("all", "mac", "vlan", "port", "nas"),
        help="take off the locks of one kind, of all without one",
    )
    locks.add_argument(
        "--forget-lock", action="store_true", help="forget what was learned; the next log-in teaches anew"
    )


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    if options.action == "show":
        await _show(context, options.username)
    elif options.action == "list":
        await _list(context, options)
    else:
        from netbilld.cli.commands import subscriber_changes  # noqa: PLC0415 - reading needs none of it

        await subscriber_changes.run(options, context)


async def _list(context: Context, options: argparse.Namespace) -> None:
    status = next((ours for ours, said in _STATUS.items() if said == options.status), options.status)
    async with context.database() as database, database.read() as work:
        lines, total = await work.subscribers.search(
            options.search,
            status=status,
            plan=options.plan,
            area=options.area,
            limit=options.limit,
            offset=max(options.offset, 0),
        )
    documents = [
        {
            "subscriber_no": line.subscriber_no,
            "username": line.username,
            "service_id": line.service_id,
            "name": line.name,
            "phone": line.phone,
            "area": line.area,
            "status": _STATUS.get(line.status, line.status),
            "plan": line.plan,
            "access": line.access,
            "access_reason": line.access_reason,
            "static_ip": line.static_ip,
        }
        for line in lines
    ]
    if context.json_wanted:
        print_json(documents, context.settings.timezone)
        return
    columns = ("subscriber_no", "username", "name", "plan", "status", "access", "access_reason")
    headings = ("NUMBER", "USERNAME", "NAME", "PLAN", "STATUS", "ACCESS", "WHY")
    print_table(headings, [[document[column] for column in columns] for document in documents])
    if len(lines) < total:
        print(f"{len(lines)} of {total}")


async def _show(context: Context, username: str) -> None:
    async with context.database() as database, database.read() as work:
        found = await work.subscribers.by_credential_name(username)
        if found is None:
            raise unknown_username(username)
        document = await _document(work, found, context)
    if context.json_wanted:
        print_json(document, context.settings.timezone)
        return
    zone = context.settings.timezone
    instants = {name: local_time(value, zone) for name, value in document.items() if name.endswith("_at")}
    others = ", ".join(f"{other['username']} ({other['status']})" for other in document["other_services"])
    locks = "; ".join(f"{kind} {', '.join(values)}" for kind, values in document["locks"].items())
    print_fields(
        {
            **document,
            **instants,
            "locks": locks,
            "buyer": _buyer_words(document["buyer"]),
            "overshoot": _overshoot_words(document["overshoot"]),
            "usernames": ", ".join(document["usernames"]),
            "other_services": others,
            **terms_fields(document, document["currency"]),
        }
    )


async def _document(work: UnitOfWork, found: FoundService, context: Context) -> dict[str, Any]:
    """Return a service as the contract shows it; access is what is due now, whether or not a daemon runs."""
    subscriber, service = found.subscriber, found.service
    credentials = await work.services.credentials_of(service.id)
    now, settings = context.now(), context.settings
    facts = (await work.enforcement.facts([service.id], standing_policy(settings), now))[0]
    due = entitlement(facts, walled_garden(settings), now)
    balance = await work.ledger.balance(subscriber.id)
    bounds = await overshoot_bounds(work, [facts], settings.radius.interim_interval, now)
    return {
        "subscriber_no": subscriber.number,
        "username": _main_name(found, [credential.name for credential in credentials]),
        "service_id": service.id,
        "status": _STATUS.get(service.status, service.status),
        "status_reason": service.status_reason,
        "status_since_at": service.status_since_at,
        "plan": found.plan_code,
        "access": due.access.value,
        "access_reason": due.reason.value,
        "wallet": balance.wallet_minor,
        "outstanding": balance.outstanding_minor,
        "currency": subscriber.currency,
        "sessions": await work.services.open_sessions(service.id),
        "overshoot": bound.to_json() if (bound := bounds.get(service.id)) is not None else None,
        "name": subscriber.name,
        "phone": subscriber.phone,
        "email": subscriber.email,
        "address": subscriber.address,
        "area": subscriber.area,
        "group": subscriber.customer_group,
        "locale": subscriber.locale,
        "buyer": buyer_document((await work.buyers.of([subscriber.id])).get(subscriber.id)),
        "usernames": [credential.name for credential in credentials],
        "mac": next((one.name for one in credentials if one.kind == CredentialKind.MAC.value), None),
        "circuit": next((one.name for one in credentials if one.kind == CredentialKind.CIRCUIT.value), None),
        "static_ip": service.static_ip,
        "ipv6_prefix": service.ipv6_prefix,
        "delegated_prefix": service.delegated_prefix,
        "locks": lock_words(await work.locks.of(service.id)),
        "billing_day": service.billing_day,
        "activated_on": service.activated_on,
        "installed_on": service.installed_on,
        "active_until": service.paid_until_on,
        "created_at": service.created_at,
        "other_services": [
            {
                "service_id": other.id,
                "username": (await work.services.credentials_of(other.id))[0].name,
                "status": _STATUS.get(other.status, other.status),
            }
            for other in await work.services.of_subscriber(subscriber.id)
            if other.id != service.id
        ],
        **await terms_document(work, service, local_date(now, service.timezone)),
    }


def _buyer_words(buyer: dict[str, Any] | None) -> str | None:
    said = (buyer or {}).items()
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in said if value) or None


def _overshoot_words(bound: dict[str, Any] | None) -> str | None:
    if bound is None:
        return None
    how = "seen" if bound["interval_observed"] else "as asked for"
    return f"at most {octets(bound['bound_octets'])} over: read every {bound['interval_seconds']} s ({how})"


def _main_name(found: FoundService, names: list[str]) -> str:
    """Return the name that was asked for; a MAC address beside a user name gives way to it."""
    return names[0] if found.credential.kind == CredentialKind.MAC.value and names else found.credential.name
