"""The lines that mend a NAS; secrets are never among them."""

from shlex import quote
from typing import Final

from netbilld.enforcement.doctor.facts import Facts
from netbilld.enforcement.nas_script.facts import API_POLICIES
from netbilld.enforcement.nas_script.routeros_words import duration, found, value, words

_NTP: Final = "id.pool.ntp.org"


def typed(text: str) -> str:
    """Return a word as a shell takes it; whoever sends packets chooses some of them, so no sign of it may act."""
    return quote("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))


def here(facts: Facts, option: str) -> str:
    """Return the command that sets something of the NAS on this machine."""
    return f"netbilld nas set {typed(facts.nas)} {option}"


def whole_script(facts: Facts) -> str:
    """Return the command that prints everything at once."""
    return f"netbilld nas script {typed(facts.nas)}"


def radius_entry(facts: Facts, **told: str) -> tuple[str, ...]:
    """Return the line that sets our entry of `/radius`; none where which one that is can't be said."""
    if not facts.is_routeros or facts.own_address is None:
        return ()
    return (f"/radius set {found('/radius', f'address={facts.own_address}')} {words(**told)}",)


def same_secret(facts: Facts) -> tuple[str, ...]:
    """Return what makes the secret the same on both sides: here, or there."""
    ours = here(facts, "--secret-stdin")
    return (ours, f"{whole_script(facts)} --with-secrets") if facts.is_routeros else (ours,)


def clock(facts: Facts) -> tuple[str, ...]:
    if not facts.is_routeros:
        return ()
    if facts.router is not None and facts.router.major < 7:
        return (f"/system ntp client set enabled=yes server-dns-names={_NTP}",)
    return ("/system ntp client set enabled=yes", f"/system ntp client servers add address={_NTP}")


def interim(facts: Facts) -> tuple[str, ...]:
    """Return what makes it report as often as it is asked to."""
    if facts.vendor == "accel-ppp":
        return (f"[radius] acct-interim-interval={facts.interim_seconds}",)
    if facts.vendor == "coovachilli":
        return (f"definteriminterval {facts.interim_seconds}",)
    if not facts.is_routeros:
        return ()
    every = duration(facts.interim_seconds)
    hotspots = "/ip hotspot profile"
    return (
        f"/ppp aaa set accounting=yes interim-update={every}",
        f"{hotspots} set [{hotspots} find] radius-accounting=yes radius-interim-update={every}",
    )


def swapped(facts: Facts) -> tuple[str, ...]:
    return (here(facts, "--no-swap-octets" if facts.swap_octets else "--swap-octets"),)


def orders_on(facts: Facts) -> tuple[str, ...]:
    if facts.vendor == "accel-ppp":
        return (f"[radius] dae-server=ADDRESS:{facts.coa_port},SECRET",)
    if facts.vendor == "coovachilli":
        return (f"coaport {facts.coa_port}",)
    return (f"/radius incoming set accept=yes port={facts.coa_port}",) if facts.is_routeros else ()


def orders_let_in(facts: Facts) -> tuple[str, ...]:
    """Return the rules that let orders through the router's firewall."""
    if not facts.is_routeros or facts.own_address is None:
        return ()
    menu, comment = "/ip firewall filter", 'comment="netbilld: orders and SNMP"'
    rule = words(
        chain="input",
        action="accept",
        protocol="udp",
        src_address=facts.own_address,
        dst_port=f"{facts.coa_port},161",
    )
    return (
        f"{menu} add {rule} {comment}",
        f"{menu} move {found(menu, comment)} destination=[:pick {found(menu, 'dynamic=no')} 0]",
    )


def api_set(facts: Facts) -> tuple[str, ...]:
    host = facts.network.partition("/")[0]
    return (whole_script(facts), here(facts, f"--api-url api://netbilld:PASSWORD@{host}"))


def rights(facts: Facts) -> tuple[str, ...]:
    router = facts.router
    if router is None or router.group is None:
        return (whole_script(facts),)
    group = found("/user group", f"name={value(router.group)}")
    kept = sorted(router.policies or ())
    return (f"/user group set {group} policy={','.join(dict.fromkeys((*API_POLICIES, *kept)))}",)


def snmp_set(facts: Facts) -> tuple[str, ...]:
    lines = ("/snmp set enabled=yes",) if facts.is_routeros else ()
    return (*lines, here(facts, "--snmp-community-stdin"))
