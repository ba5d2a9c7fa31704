"""`netbilld nas script`: the lines that make a NAS work with us."""

import argparse
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from netbilld.adapters.nas.own_address import own_address
from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.output import note, print_json
from netbilld.daemon.settings import Settings
from netbilld.enforcement.nas_script import has_lines, script
from netbilld.enforcement.nas_script.facts import API_USER, SERVICES, Routeros, ScriptFacts
from netbilld.enforcement.nas_script.open_hosts import PAYMENT_HOSTS, is_probed
from netbilld.enforcement.vendors import vendor_or_any
from netbilld.enforcement.vendors.interface import Wall
from netbilld.model.address_pool import overlap
from netbilld.model.api_address import PORT, ApiAddress, parse_api_address
from netbilld.model.errors import InvalidInputError
from netbilld.model.nas import Nas, api_url_place, secret_place, snmp_community_place
from netbilld.model.snmp import SnmpUser, read_user, snmp_user_place
from netbilld.services.manage_nas import unknown_nas

_CAPPORT: Final = "/capport"
_LEAST_WALLED: Final = 8  # addresses that a walled pool must have room for


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--routeros", type=int, choices=(6, 7), default=7, help="which RouterOS; default 7")
    parser.add_argument(
        "--for",
        dest="services",
        metavar="ppp,hotspot,dhcp",
        default="ppp,hotspot",
        help="what is to ask RADIUS on it; default ppp,hotspot, since dhcp changes every DHCP server",
    )
    parser.add_argument("--server", metavar="ADDRESS", help="our address as it reaches it; default by our routes")
    parser.add_argument("--walled-network", metavar="NETWORK", default="100.127.0.0/16", help="of the walled pool")
    parser.add_argument("--ntp", metavar="HOST", default="id.pool.ntp.org", help="whom it asks for the time")
    parser.add_argument(
        "--allow", action="append", metavar="HOST", default=[], help="open to who is walled, such as a payment page"
    )
    parser.add_argument(
        "--pay",
        action="append",
        metavar="|".join(PAYMENT_HOSTS),
        default=[],
        help="open the payment pages of this gateway to who is walled",
    )
    parser.add_argument("--with-secrets", action="store_true", help="print secrets; else where they belong")
    add_json_option(parser)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Print the script."""
    async with context.database() as database, database.read() as work:
        nas = await work.nas.by_name(options.name)
        if nas is None:
            raise unknown_nas(options.name)
        lines_there = await work.static_lines.views(nas_id=nas.id)
    facts = _facts(nas, options, context, [target for view in lines_there for target in view.line.targets])
    lines = script(facts)
    if context.json_wanted:
        document = {"nas": nas.name, "vendor": nas.vendor, "with_secrets": options.with_secrets, "lines": lines}
        print_json(document, context.settings.timezone)
        return
    print("\n".join(lines))
    if has_lines(nas.vendor):
        note(f"once it is set: `netbilld doctor nas {nas.name}`")


def _facts(nas: Nas, options: argparse.Namespace, context: Context, targets: Sequence[str]) -> ScriptFacts:
    settings, box = context.settings, context.box
    known = vendor_or_any(nas.vendor)
    network = ip_network(nas.address)
    source = str(network.network_address) if network.num_addresses == 1 else None
    reached_at = source or nas.reported_ip
    if nas.told_by or nas.reported_ip not in {None, source}:
        source = None  # of a NAT, or not what it sends from
    api = _api(nas, context)
    shown: bool = options.with_secrets
    secret = box.open(nas.secret_sealed, secret_place(nas.id)).decode("utf-8", "surrogateescape") if shown else None
    community: str | None = None
    user: SnmpUser | None = None
    if shown and nas.snmp_user_sealed is not None:
        user = read_user(box.open(nas.snmp_user_sealed, snmp_user_place(nas.id)))
    elif shown and nas.snmp_community_sealed is not None:
        community = box.open(nas.snmp_community_sealed, snmp_community_place(nas.id)).decode()
    major: Routeros = 6 if options.routeros == 6 else 7
    return ScriptFacts(
        nas=nas.name,
        vendor=nas.vendor,
        server=_server(options.server, reached_at, settings),
        source=source,
        told_by=nas.told_by,
        secret=secret,
        routeros=major,
        services=_services(options.services),
        auth_port=settings.radius.auth_port,
        acct_port=settings.radius.acct_port,
        coa_port=nas.coa_port,
        interim_seconds=settings.radius.interim_interval,
        wall=Wall(nas.wall_by) if nas.wall_by else known.wall,
        hotspot_wall=Wall(nas.wall_by) if nas.wall_by else known.hotspot_wall,
        walled_pool=settings.enforcement.walled_pool,
        walled_list=settings.enforcement.walled_list,
        walled_network=_walled_network(options.walled_network),
        covers_ipv6=settings.enforcement.walled_ipv6,
        portal_port=settings.portal.port,
        portal_host=_host_name(settings.portal.public_url),
        capport_url=_capport(settings.portal.public_url),
        subscribers=(*nas.portal_sources, *_beyond(targets, nas.portal_sources)),
        has_lines=bool(targets),
        blocked_list=settings.enforcement.blocked_list,
        api_user=api.user if api is not None else API_USER,
        api_password=api.password if api is not None and shown else None,
        api_port=api.port if api is not None else PORT,
        api_is_tls=api is not None and api.is_tls,
        has_api=api is not None,
        snmp_community=community,
        snmp_user=user,
        has_snmp=nas.snmp_community_sealed is not None or nas.snmp_user_sealed is not None,
        ntp=_host(options.ntp, "--ntp"),
        allowed=_allowed(options.allow, options.pay),
    )


def _beyond(targets: Sequence[str], prefixes: Sequence[str]) -> list[str]:
    """Return the addresses of static subscribers that no prefix of the NAS's subscribers has in it."""
    known = [ip_network(prefix) for prefix in prefixes]
    return [target for target in targets if not any(overlap(ip_network(target), one) for one in known)]


def _api(nas: Nas, context: Context) -> ApiAddress | None:
    if nas.api_url_sealed is None:
        return None
    return parse_api_address(context.box.open(nas.api_url_sealed, api_url_place(nas.id)).decode())


def _services(text: str) -> tuple[str, ...]:
    wanted = {word.strip() for word in text.split(",") if word.strip()}
    if not wanted or not wanted <= set(SERVICES):
        raise InvalidInputError(f"--for {text!r} is not understood", hint=f"write some of {','.join(SERVICES)}")
    return tuple(service for service in SERVICES if service in wanted)


def _server(said: str | None, host: str | None, settings: Settings) -> str:
    """Return the address that the NAS is to know us by.

    Raises:
        InvalidInputError: it is no address, or none can be found out.
    """
    found = said
    if found is None and host is not None:
        found = own_address(host, settings.radius.host)
    try:
        address = ip_address(found or "")
        if host is not None and ip_address(host).version != address.version:
            raise InvalidInputError(f"{address} and the NAS's {host} are not of one kind", hint="name one of its kind")
        return str(address)
    except ValueError:
        what = f"{said!r} is no address" if said else "which of our addresses it reaches us by is not known"
        raise InvalidInputError(what, hint="name it with --server ADDRESS") from None


def _walled_network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise InvalidInputError(f"--walled-network: {error}", hint="write for example 100.127.0.0/16") from None
    if network.version != 4 or network.num_addresses < _LEAST_WALLED:
        raise InvalidInputError(f"--walled-network {text}: write an IPv4 network of {_LEAST_WALLED} addresses or more")
    return str(network)


def _allowed(hosts: Sequence[str], gateways: Sequence[str]) -> tuple[str, ...]:
    """Return what is open to who is walled.

    Raises:
        InvalidInputError: one is no host, is what devices look for a portal by, or is no gateway we know.
    """
    allowed = [_host(host, "--allow") for host in hosts]
    for host in allowed:
        if is_probed(host):
            raise InvalidInputError(
                f"--allow {host}: devices look for a portal by it, and would show no page",
                hint="leave it out; who has paid reaches it anyway",
            )
    for gateway in gateways:
        if gateway not in PAYMENT_HOSTS:
            raise InvalidInputError(f"--pay {gateway!r} is not known", hint=f"allowed: {', '.join(PAYMENT_HOSTS)}")
        allowed += PAYMENT_HOSTS[gateway]
    return tuple(dict.fromkeys(allowed))


def _host(text: str, option: str) -> str:
    bare = text.strip()
    if not bare or not all(letter.isascii() and (letter.isalnum() or letter in "*.:-") for letter in bare):
        raise InvalidInputError(f"{option} {text!r} is no host name or address")
    return bare


def _host_name(url: str | None) -> str | None:
    """Return the portal's name where it has one; an address says nothing that is not known."""
    host = urlsplit(url).hostname if url else None
    try:
        ip_address(host or "")
    except ValueError:
        return host
    return None


def _capport(url: str | None) -> str | None:
    """Return where devices ask whether they are captive: only over https (RFC 8908 §4)."""
    return f"{url}{_CAPPORT}" if url and url.startswith("https://") else None
