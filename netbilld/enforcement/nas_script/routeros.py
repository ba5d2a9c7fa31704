"""RouterOS 6 and 7: the lines that make a router work with us.

Pasted again they change nothing that is as it should be: what we add is found by its comment or name. Source:
MikroTik's manual, pages RADIUS, PPP AAA, HotSpot, DHCP, Filter, SNMP, User and NTP.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from netbilld.enforcement.nas_script.facts import API_POLICIES, API_USER, ScriptFacts
from netbilld.enforcement.nas_script.routeros_garden import fasttrack_lines, garden_lines, portal_lines
from netbilld.enforcement.nas_script.routeros_static import static_lines
from netbilld.enforcement.nas_script.routeros_words import (
    duration,
    found,
    host_prefix,
    to_the_top,
    unless_there,
    value,
    words,
)

RADIUS_TIMEOUT: Final = "1s"  # three tries of it; the default of some versions is 100 ms
_SNMP_AUTH: Final = {"md5": "MD5", "sha": "SHA1"}  # RouterOS has no other
_SNMP_PRIV: Final = {"des": "DES", "aes": "AES"}


def lines(facts: ScriptFacts) -> Iterator[str]:
    """Yield the script; each command has a line before it that says why."""
    yield f"# {facts.nas}: RouterOS {facts.routeros} with netbilld at {facts.server}."
    yield "# Paste it into a terminal as it is, once or again: what is there already is not made twice."
    yield from _radius(facts)
    yield from _ppp(facts)
    yield from _hotspot(facts)
    yield from _dhcp(facts)
    yield from _let_us_in(facts)
    yield from portal_lines(facts)
    yield from garden_lines(facts)
    yield from fasttrack_lines(facts)
    yield from static_lines(facts)
    yield from _snmp(facts)
    yield from _api(facts)
    yield from _ntp(facts)


def secret_line(line: str, secret: str | None, where: str) -> Iterator[str]:
    """Yield a line that says a secret; without one a comment, since a placeholder must never become a secret."""
    if secret is not None:
        yield line
        return
    yield f"# Put {where} in place of … in the next line and take away its #, or print this with --with-secrets."
    yield f"# {line}"


def _radius(facts: ScriptFacts) -> Iterator[str]:
    ours = f"address={facts.server}"
    yield ""
    yield "# 1. RADIUS. The secret proves both sides; src-address is what netbilld knows this router by."
    yield unless_there("/radius", ours, words(address=facts.server))
    if facts.source is None:
        yield "# netbilld knows it by a network or the address of a NAT, so src-address is left to the routes."
    if facts.told_by:
        yield "# Several routers share that address: this one is told from them by its name."
        yield f"/system identity set name={value(facts.told_by)}"
    told = words(
        service=",".join(facts.services),
        src_address=facts.source,
        authentication_port=str(facts.auth_port),
        accounting_port=str(facts.acct_port),
        timeout=RADIUS_TIMEOUT,
        disabled="no",
    )
    yield "# A log-in waits for three tries of this timeout; some versions begin with a tenth of it."
    yield f"/radius set {found('/radius', ours)} {told}"
    secret = "…" if facts.secret is None else value(facts.secret)
    yield from secret_line(f"/radius set {found('/radius', ours)} secret={secret}", facts.secret, "the RADIUS secret")
    if facts.routeros >= 7:
        yield "# From 7.15 on the router signs its requests and wants our answers signed, which they are. Leave it so:"
        yield f"# /radius set {found('/radius', ours)} require-message-auth=yes-for-request-resp"
    yield "# Orders (CoA, Disconnect): off by default, and without them no speed changes while a session runs."
    yield f"/radius incoming set accept=yes port={facts.coa_port}"


def _ppp(facts: ScriptFacts) -> Iterator[str]:
    if "ppp" not in facts.services:
        return
    yield ""
    yield "# 2. PPP (PPPoE and others) asks RADIUS for names that /ppp secret does not have, and reports what is used."
    told = words(use_radius="yes", accounting="yes", interim_update=duration(facts.interim_seconds))
    yield f"/ppp aaa set {told}"


def _hotspot(facts: ScriptFacts) -> Iterator[str]:
    if "hotspot" not in facts.services:
        return
    yield ""
    yield "# 3. Hotspots ask RADIUS for names that /ip hotspot user does not have, and report what is used."
    told = words(use_radius="yes", radius_accounting="yes", radius_interim_update=duration(facts.interim_seconds))
    yield f"/ip hotspot profile set [/ip hotspot profile find] {told}"
    yield "# The portal and what it needs are open before the log-in; never what phones look for a portal by."
    hosts = tuple(dict.fromkeys(([facts.portal_host] if facts.portal_host else []) + list(facts.allowed)))
    comment = 'comment="netbilld: portal"'
    menu = "/ip hotspot walled-garden ip"
    if ip_address(facts.server).version == 4:
        yield unless_there(menu, comment, f"action=accept dst-address={facts.server} {comment}")
    for host in hosts:
        comment = f"comment={value(f'netbilld: {host}')}"
        yield unless_there("/ip hotspot walled-garden", comment, f"action=allow {words(dst_host=host)} {comment}")


def _dhcp(facts: ScriptFacts) -> Iterator[str]:
    if "dhcp" not in facts.services:
        return
    yield ""
    yield "# 4. DHCP servers ask RADIUS. All of them: give the ones of your own network use-radius=no afterwards."
    yield "/ip dhcp-server set [/ip dhcp-server find] use-radius=yes"
    yield "# Accounting of leases; octets are counted where a lease has a speed, by its queue."
    yield f"/ip dhcp-server config set accounting=yes interim-update={duration(facts.interim_seconds)}"


def _let_us_in(facts: ScriptFacts) -> Iterator[str]:
    if ip_address(facts.server).version != 4:
        return
    yield ""
    yield "# 5. Orders, SNMP and the API pass the router's own firewall, from netbilld's address alone."
    menu = "/ip firewall filter"
    for name, protocol, ports in (
        ("netbilld: orders and SNMP", "udp", f"{facts.coa_port},161"),
        ("netbilld: API", "tcp", str(facts.api_port)),
    ):
        comment = f'comment="{name}"'
        rule = words(chain="input", action="accept", protocol=protocol, src_address=facts.server, dst_port=ports)
        yield unless_there(menu, comment, f"{rule} {comment}")
        yield to_the_top(menu, comment)


def _snmp(facts: ScriptFacts) -> Iterator[str]:
    yield ""
    yield "# 8. SNMP, read only and from netbilld alone: how the router is, and what accounting is checked by."
    if facts.snmp_user is not None:
        yield from _snmp_user(facts)
        return
    name = "…" if facts.snmp_community is None else value(facts.snmp_community)
    condition = f"name={name}"
    only_us = words(addresses=host_prefix(facts.server), read_access="yes", write_access="no")
    where = "the SNMP community"
    if not facts.has_snmp:
        yield f"# None is set here: choose one, and say it by `netbilld nas set {facts.nas} --snmp-community-stdin`."
    yield from secret_line(
        unless_there("/snmp community", condition, f"{condition} {only_us}"), facts.snmp_community, where
    )
    yield from secret_line(
        f"/snmp community set {found('/snmp community', condition)} {only_us}", facts.snmp_community, where
    )
    yield "# The community `public` is open to whoever asks unless it is taken away; SNMP itself is on:"
    yield "/snmp set enabled=yes"


def _snmp_user(facts: ScriptFacts) -> Iterator[str]:
    user = facts.snmp_user
    assert user is not None, "asked for only where there is one"  # noqa: S101
    condition = f"name={value(user.name)}"
    security = "none" if not user.auth_key else "private" if user.priv_key else "authorized"
    told = words(
        addresses=host_prefix(facts.server),
        read_access="yes",
        write_access="no",
        security=security,
        authentication_protocol=_SNMP_AUTH.get(user.auth_protocol or "sha", "SHA1") if user.auth_key else None,
        authentication_password=user.auth_key,
        encryption_protocol=_SNMP_PRIV.get(user.priv_protocol or "aes", "AES") if user.priv_key else None,
        encryption_password=user.priv_key,
    )
    if (user.auth_protocol or "sha") not in _SNMP_AUTH or (user.priv_protocol or "aes") not in _SNMP_PRIV:
        yield "# RouterOS has MD5 or SHA1 with DES or AES only: set the user here to one of these as well."
    yield unless_there("/snmp community", condition, f"{condition} {told}")
    yield f"/snmp community set {found('/snmp community', condition)} {told}"
    yield "# SNMP itself is on:"
    yield "/snmp set enabled=yes"


def _api(facts: ScriptFacts) -> Iterator[str]:
    service = "api-ssl" if facts.api_is_tls else "api"
    menu, condition, policies = "/user group", f"name={API_USER}", ",".join(API_POLICIES)
    yield ""
    yield "# 9. The API, by which netbilld proves its orders. A group of its own with the least rights: the"
    yield "# built-in ones may reboot and read passwords. To take over PPP secrets once, add `sensitive` and remove it."
    yield unless_there(menu, condition, f"{condition} policy={policies}")
    yield f"/user group set {found(menu, condition)} policy={policies}"
    if not facts.has_api:
        yield f"# No API is set here: choose a password, and say it by `netbilld nas set {facts.nas} --api-url"
        yield f"# {service}://{API_USER}:PASSWORD@{facts.source or 'ROUTER'}`."
    if facts.api_user == API_USER:
        yield from _api_user(facts)
    else:
        yield f"# netbilld logs in as {facts.api_user}, left as it is here; a user `{API_USER}` of that group is safer."
    yield "# The service itself. It has few places (max-sessions); netbilld takes one."
    if facts.api_is_tls:
        yield "# It needs a certificate: without one it only offers ciphers that nobody should use."
    yield f"/ip service set {found('/ip service', f'name={service}')} disabled=no port={facts.api_port}"


def _api_user(facts: ScriptFacts) -> Iterator[str]:
    password = "…" if facts.api_password is None else value(facts.api_password)
    told = f"group={API_USER} address={host_prefix(facts.server)} password={password}"
    where, condition = "the password of the API user", f"name={API_USER}"
    yield "# Its user logs in from netbilld's address only."
    yield from secret_line(unless_there("/user", condition, f"{condition} {told}"), facts.api_password, where)
    yield from secret_line(f"/user set {found('/user', condition)} {told}", facts.api_password, where)


def _ntp(facts: ScriptFacts) -> Iterator[str]:
    yield ""
    yield "# 10. The clock: reports are dated by it, and log entries compared with ours."
    is_address = _is_address(facts.ntp)
    if facts.routeros >= 7:
        yield "/system ntp client set enabled=yes"
        condition = f"address={value(facts.ntp)}"
        yield unless_there("/system ntp client servers", condition, condition)
    else:
        yield f"/system ntp client set enabled=yes {'primary-ntp' if is_address else 'server-dns-names'}={facts.ntp}"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
