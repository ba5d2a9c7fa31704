"""accel-ppp: what of its configuration file concerns us. Source: its manual page, accel-ppp.conf(5)."""

from collections.abc import Iterator

from netbilld.enforcement.nas_script.facts import ScriptFacts


def lines(facts: ScriptFacts) -> Iterator[str]:
    """Yield sections to be put into accel-ppp.conf; what stands there under the same name gives way."""
    secret = "…" if facts.secret is None else facts.secret
    yield f"# {facts.nas}: accel-ppp with netbilld at {facts.server}; sections of /etc/accel-ppp.conf."
    if facts.secret is None:
        yield "# Put the RADIUS secret in place of … (twice), or print this with --with-secrets."
    yield "[modules]"
    yield "# log-ins, speeds, and addresses of the walled pool"
    yield from ("radius", "shaper", "ippool")
    yield "[radius]"
    yield "# what netbilld knows it by"
    yield f"nas-identifier={facts.told_by or facts.nas}"
    if facts.source is not None:
        yield f"nas-ip-address={facts.source}"
        yield f"bind={facts.source}"
    yield "# never given up on: while netbilld restarts, accounting waits"
    yield (
        f"server={facts.server},{secret},auth-port={facts.auth_port},acct-port={facts.acct_port},"
        "req-limit=50,fail-timeout=0,max-fail=0,weight=1"
    )
    yield "# a log-in waits for three tries of this many seconds"
    yield from ("timeout=3", "max-try=3")
    yield "# orders (CoA, Disconnect); without this there are none"
    yield f"dae-server={facts.source or '0.0.0.0'}:{facts.coa_port},{secret}"  # noqa: S104 - where it listens, not we
    yield "# how often it reports; netbilld says so at each log-in as well"
    yield f"acct-interim-interval={facts.interim_seconds}"
    yield "# a restart of it ends its sessions here as well"
    yield "acct-on=1"
    yield "# its requests are signed (CVE-2024-3596)"
    yield "blast-protection=1"
    yield "[shaper]"
    yield "# speeds come as Filter-Id DOWN/UP in kbit/s"
    yield from ("attr=Filter-Id", "verbose=1")
    if facts.has_walled_pool:
        yield "[ip-pool]"
        yield "# walled sessions get addresses of this pool, by its name in Framed-Pool"
        yield "attr=Framed-Pool"
        yield f"{facts.walled_network},name={facts.walled_pool}"
        yield "# what holds them there is the firewall, for example with nftables:"
        yield f"#   ip saddr {facts.walled_network} tcp dport 80 dnat to {facts.server}:{facts.portal_port}"
        yield f"#   ip saddr {facts.walled_network} ip daddr != {facts.server} udp dport != 53 reject"
