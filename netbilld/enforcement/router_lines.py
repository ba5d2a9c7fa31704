"""Changes on a RouterOS router as the lines that a person would type there.

Source: MikroTik's manual, page Scripting.
"""

from collections.abc import Sequence

from netbilld.enforcement.nas_script.routeros_words import found, quoted, value
from netbilld.enforcement.router_items import RouterOrder, Verb


def as_typed(order: RouterOrder) -> str:
    """Return an order as one line; what it changes is found by what it is called, not by a number that may pass."""
    menu = f"/{str(order.menu).replace('/', ' ').strip()}"
    words = [menu, str(order.verb)]
    if order.verb is not Verb.ADD:
        words.append(found(menu, _condition(order.found_by)))
    words += [f"{name}={value(said)}" for name, said in order.values]
    if order.before_found_by:
        place = "destination" if order.verb is Verb.MOVE else "place-before"
        words.append(f"{place}={found(menu, _condition(order.before_found_by))}")
    return " ".join(words)


def _condition(found_by: Sequence[tuple[str, str]]) -> str:
    return " and ".join(f"{name}={quoted(said)}" for name, said in found_by)
