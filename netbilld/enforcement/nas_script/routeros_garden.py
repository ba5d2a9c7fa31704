"""The walled garden of a RouterOS router: pool, list, redirect, what stays open, and fasttrack kept out of it.

Who is walled has an address of the walled pool and is on the walled list. Rules of ours stand in a chain of their own,
so that one jump at the top of `forward` is all that needs a place. Source: MikroTik's manual, pages Filter, NAT, DHCP.
"""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Final

from netbilld.enforcement.nas_script.facts import (
    PORTAL_LIST,
    PORTAL_OPTION,
    SUBSCRIBERS_LIST,
    WALLED_CHAIN,
    ScriptFacts,
)
from netbilld.enforcement.nas_script.routeros_words import (
    before_first,
    found,
    quoted,
    to_the_top,
    unless_there,
    value,
    words,
)

FILTER: Final = "/ip firewall filter"
NAT: Final = "/ip firewall nat"
FILTER6: Final = "/ipv6 firewall filter"
_LIST: Final = "/ip firewall address-list"
_NO_OPTION: Final = 'dhcp-option=""'
_CAPPORT: Final = 114  # RFC 8910 §2.1
_CAPPORT6: Final = 103  # RFC 8910 §2.2


def portal_lines(facts: ScriptFacts) -> Iterator[str]:
    """Yield the lists of where the portal is and who the subscribers are, and the way to the portal without NAT."""
    yield ""
    yield "# 6. Address lists: where the portal and what belongs to it are, and who the subscribers are."
    for address in _open_hosts(facts):
        yield _listed(PORTAL_LIST, address)
    for prefix in facts.subscribers:
        if ip_network(prefix).version == 4:
            yield _listed(SUBSCRIBERS_LIST, prefix)
    if not facts.subscribers:
        yield f"# Which addresses its subscribers have is not known: `netbilld nas set {facts.nas} --portal-source`."
    yield "# The portal knows a subscriber by address, so what goes there keeps its own: no masquerade."
    comment = 'comment="netbilld: portal without NAT"'
    yield unless_there(NAT, comment, f"chain=srcnat action=accept dst-address-list={PORTAL_LIST} {comment}")
    yield to_the_top(NAT, comment)
    yield from _option_lines(facts)


def _option_lines(facts: ScriptFacts) -> Iterator[str]:
    if facts.capport_url is None:
        yield "# Devices can be told of the portal by DHCP (option 114, 103 for IPv6), once it has an https address:"
        yield "# set portal.public_url and print this again."
        return
    url = quoted(f"'{facts.capport_url}'")
    yield "# Devices are told where the portal is (RFC 8910): DHCP option 114, and 103 for IPv6; PPP has no such thing."
    name = f"name={PORTAL_OPTION}"
    menu = "/ip dhcp-server option"
    yield unless_there(menu, name, f"{name} code={_CAPPORT} value={url}")
    yield f"{menu} set {found(menu, name)} value={url}"
    yield "# Networks that have options of their own keep them: add this one there by hand."
    networks = "/ip dhcp-server network"
    yield f"{networks} set {found(networks, _NO_OPTION)} dhcp-option={PORTAL_OPTION}"
    menu = "/ipv6 dhcp-server option"
    yield "# RouterOS 6 has IPv6 in a package: where it is not installed these two lines fail, and nothing is lost."
    yield unless_there(menu, name, f"{name} code={_CAPPORT6} value={url}")
    servers = "/ipv6 dhcp-server"
    yield f"{servers} set {found(servers, _NO_OPTION)} dhcp-option={PORTAL_OPTION}"


def garden_lines(facts: ScriptFacts) -> Iterator[str]:
    """Yield what holds who is walled."""
    if not (facts.has_walled_pool or facts.has_walled_list):
        return
    yield ""
    yield "# 7. The walled garden: web requests go to the portal, names and the portal are open, the rest is refused."
    if facts.has_walled_pool:
        yield "# Walled sessions get addresses of this pool; change the range to one that you do not use."
        name = f"name={value(facts.walled_pool)}"
        yield unless_there("/ip pool", name, f"{name} ranges={facts.walled_range}")
    walled = f"src-address-list={value(facts.walled_list)}"
    if not facts.has_walled_list:
        walled = f"src-address={facts.walled_network}"
    yield "# Plain web requests are sent to the portal; https is refused below, never redirected."
    comment = 'comment="netbilld: walled web"'
    if ip_address(facts.server).version == 4:
        rule = f"chain=dstnat action=dst-nat {walled} protocol=tcp dst-port=80 dst-address-list=!{PORTAL_LIST}"
        yield unless_there(NAT, comment, f"{rule} to-addresses={facts.server} to-ports={facts.portal_port} {comment}")
        yield to_the_top(NAT, comment)
    yield "# What is walled goes through a chain of ours, before everything else that is forwarded."
    yield from _chain(
        (
            ("portal", f"action=accept dst-address-list={PORTAL_LIST}"),
            ("names", "action=accept protocol=udp dst-port=53"),
            ("names by TCP", "action=accept protocol=tcp dst-port=53"),
            ("refused by TCP", "action=reject protocol=tcp reject-with=tcp-reset"),
            ("refused", "action=reject reject-with=icmp-admin-prohibited"),
        )
    )
    comment = 'comment="netbilld: walled"'
    yield unless_there(FILTER, comment, f"chain=forward action=jump jump-target={WALLED_CHAIN} {walled} {comment}")
    yield to_the_top(FILTER, comment)
    if facts.covers_ipv6 and facts.has_walled_list:
        yield from _garden6(facts)
    else:
        yield "# IPv6: a walled session is given no prefix by netbilld; give its PPP profile no IPv6 pool either."


def _garden6(facts: ScriptFacts) -> Iterator[str]:
    yield "# IPv6 is filtered by a list of the same name, since enforcement.walled_ipv6 says that it is."
    for comment, rule in (
        ("netbilld: walled portal", f"action=accept dst-address-list={PORTAL_LIST}"),
        ("netbilld: walled names", "action=accept protocol=udp dst-port=53"),
        ("netbilld: walled refused", "action=reject reject-with=icmp-admin-prohibited"),
    ):
        marked = f'comment="{comment}"'
        yield unless_there(FILTER6, marked, f"chain={WALLED_CHAIN} {rule} {marked}")
    marked = 'comment="netbilld: walled"'
    walled = f"src-address-list={value(facts.walled_list)}"
    yield unless_there(FILTER6, marked, f"chain=forward action=jump jump-target={WALLED_CHAIN} {walled} {marked}")
    yield to_the_top(FILTER6, marked)


def _chain(rules: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for name, rule in rules:
        comment = f'comment="netbilld: walled {name}"'
        yield unless_there(FILTER, comment, f"chain={WALLED_CHAIN} {rule} {comment}")


def fasttrack_lines(facts: ScriptFacts) -> Iterator[str]:
    """Yield what keeps subscribers out of fasttrack: what it carries passes queues and the walled garden by."""
    yield ""
    yield "# Fasttrack passes by queues and walls: what subscribers carry is accepted before it gets there."
    established = "chain=forward action=accept connection-state=established,related"
    ways = []
    if "ppp" in facts.services:
        ways += [("from PPP", "in-interface=all-ppp"), ("to PPP", "out-interface=all-ppp")]
    if facts.subscribers:
        ways += [
            ("from subscribers", f"src-address-list={SUBSCRIBERS_LIST}"),
            ("to subscribers", f"dst-address-list={SUBSCRIBERS_LIST}"),
        ]
    elif {"hotspot", "dhcp"} & set(facts.services):
        yield "# Subscribers of hotspots and DHCP are known by address only: set --portal-source and print this again."
    for name, way in ways:
        comment = f'comment="netbilld: not fasttracked {name}"'
        yield unless_there(FILTER, comment, f"{established} {way} {comment}")
        yield before_first(FILTER, "action=fasttrack-connection dynamic=no", comment)


def _open_hosts(facts: ScriptFacts) -> tuple[str, ...]:
    addresses = [facts.server] if ip_address(facts.server).version == 4 else []
    names = [facts.portal_host] if facts.portal_host else []
    # a wildcard is a host of a hotspot's walled garden, not of a list
    return tuple(dict.fromkeys([*addresses, *names, *(host for host in facts.allowed if "*" not in host)]))


def _listed(name: str, address: str) -> str:
    item = words(list=name, address=address)
    comment = f"netbilld: {name.removeprefix('netbilld-')}"
    return unless_there(_LIST, item, f"{item} comment={quoted(comment)}")
