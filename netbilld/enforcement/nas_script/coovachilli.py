"""CoovaChilli: what of /etc/chilli.conf concerns us. Source: its manual page, chilli.conf(5)."""

from collections.abc import Iterator

from netbilld.enforcement.nas_script.facts import ScriptFacts


def lines(facts: ScriptFacts) -> Iterator[str]:
    """Yield options to be put into the configuration; on OpenWrt they are options of `/etc/config/chilli`."""
    yield f"# {facts.nas}: CoovaChilli with netbilld at {facts.server}; options of /etc/chilli.conf."
    yield "# where log-ins and accounting go; the second server is asked when the first is silent"
    yield from (f"radiusserver1 {facts.server}", f"radiusserver2 {facts.server}")
    yield from (f"radiusauthport {facts.auth_port}", f"radiusacctport {facts.acct_port}")
    yield "# the secret proves both sides"
    if facts.secret is None:
        yield "# Put the RADIUS secret in place of … and take away the #, or print this with --with-secrets."
        yield "# radiussecret …"
    else:
        yield f"radiussecret {facts.secret}"
    yield "# what netbilld knows it by"
    yield f"radiusnasid {facts.told_by or facts.nas}"
    if facts.source is not None:
        yield f"radiuslisten {facts.source}"
        yield f"radiusnasip {facts.source}"
    yield "# orders (CoA, Disconnect), taken from the servers above; the build must have them"
    yield f"coaport {facts.coa_port}"
    yield "# how often it reports where a log-in does not say"
    yield f"definteriminterval {facts.interim_seconds}"
    yield "# the portal, and what else is open before the log-in"
    hosts = [facts.server, *([facts.portal_host] if facts.portal_host else []), *facts.allowed]
    yield f"uamallowed {','.join(dict.fromkeys(hosts))}"
    yield "# directions as RFC 2866 has them: leave `swapoctets` out"
