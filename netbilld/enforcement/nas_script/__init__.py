"""What to set on a NAS so that it works with us, as lines to paste: one file for each vendor that has such lines."""

from netbilld.enforcement.nas_script import accel_ppp, coovachilli, routeros
from netbilld.enforcement.nas_script.facts import ScriptFacts
from netbilld.enforcement.vendors import vendor_or_any

_WRITERS = {"mikrotik": routeros.lines, "accel-ppp": accel_ppp.lines, "coovachilli": coovachilli.lines}


def script(facts: ScriptFacts) -> list[str]:
    """Return the lines, each command with a comment before it that says why.

    A vendor without lines of its own gets what has to be set, in words.
    """
    writer = _WRITERS.get(facts.vendor)
    return list(writer(facts)) if writer is not None else _in_words(facts)


def has_lines(vendor: str) -> bool:
    """Tell whether a vendor's NAS can be told in lines."""
    return vendor in _WRITERS


def _in_words(facts: ScriptFacts) -> list[str]:
    known = vendor_or_any(facts.vendor)
    said = [
        f"# {facts.nas}: {known.title} with netbilld at {facts.server}; it has no lines that fit every device.",
        f"# RADIUS authentication: {facts.server} UDP port {facts.auth_port}",
        f"# RADIUS accounting: {facts.server} UDP port {facts.acct_port}, interim every {facts.interim_seconds} s",
        f"# Its packets must come from {facts.source or 'the network that netbilld knows it by'}",
        f"# Secret: {facts.secret if facts.secret is not None else 'as in `nas add`; --with-secrets prints it'}",
    ]
    if known.orders:
        said.append(
            f"# Orders (CoA, Disconnect, RFC 5176) from {facts.server} to UDP port {facts.coa_port}, same secret"
        )
    return said + [f"# {note}" for note in known.notes]
