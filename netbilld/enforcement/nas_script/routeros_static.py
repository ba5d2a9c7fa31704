"""What a RouterOS router's firewall needs for static subscribers: their queues and list entries are the daemon's work.

Source: MikroTik's manual, pages Filter and Address lists.
"""

from collections.abc import Iterator
from ipaddress import ip_address

from netbilld.enforcement.nas_script.facts import PORTAL_LIST, WALLED_CHAIN, ScriptFacts
from netbilld.enforcement.nas_script.routeros_garden import FILTER, FILTER6, NAT
from netbilld.enforcement.nas_script.routeros_words import to_the_top, unless_there, value


def static_lines(facts: ScriptFacts) -> Iterator[str]:
    """Yield what makes something of the lists that static subscribers come onto; nothing where there are none."""
    if not facts.has_lines:
        return
    yield ""
    yield "# Static subscribers: netbilld keeps their queues; who is blocked is on a list, and gets nothing."
    for menu in (FILTER, FILTER6):
        if menu == FILTER6:
            yield "# Likewise for IPv6; where the package is not installed these lines fail, and nothing is lost."
        for way, side in (("from", "src"), ("to", "dst")):
            comment = f'comment="netbilld: blocked {way}"'
            rule = f"chain=forward action=drop {side}-address-list={value(facts.blocked_list)} {comment}"
            yield unless_there(menu, comment, rule)
            yield to_the_top(menu, comment)
    if facts.walls_by_pool_alone:
        yield "# Static subscribers are walled by the list; sessions are by their pool, and go the same way."
        comment = 'comment="netbilld: walled by pool"'
        rule = f"chain=forward action=jump jump-target={WALLED_CHAIN} src-address={facts.walled_network} {comment}"
        yield unless_there(FILTER, comment, rule)
        yield to_the_top(FILTER, comment)
        if ip_address(facts.server).version == 4:
            comment = 'comment="netbilld: walled web by pool"'
            rule = (
                f"chain=dstnat action=dst-nat src-address={facts.walled_network} protocol=tcp dst-port=80 "
                f"dst-address-list=!{PORTAL_LIST} to-addresses={facts.server} to-ports={facts.portal_port} {comment}"
            )
            yield unless_there(NAT, comment, rule)
            yield to_the_top(NAT, comment)
