"""What is wrong with the network or with netbilld, as a message to the staff says it in their language."""

from collections.abc import Mapping, Sequence
from typing import Final

from babel.support import Translations

from netbilld.panel.trouble_words import trouble_words
from netbilld.panel.words import N_
from netbilld.services.tell_staff import MOST_LINES, Condition

_WORDS: Final[Mapping[str, str]] = {
    "nas_silent": N_("Router %(nas)s is silent: nothing is heard of any session on it."),
    "nas_no_orders": N_("Router %(nas)s takes no orders: %(reason)s"),
    "not_done": N_("%(count)s services on router %(nas)s are not as they are due."),
    "wrong_secret": N_("Router %(nas)s uses another RADIUS secret than ours: its packets are dropped."),
    "pool_full": N_("Address pool %(pool)s is nearly full: %(taken)s of %(size)s."),
    "disk": N_("The disk of %(node)s is nearly full: %(free)s MB are free."),
}
_TITLE: Final = N_("Something needs you")
_BETTER: Final = N_("Mended")
_OVER: Final = N_("Over: %(what)s")
_MORE: Final = N_("… and %(count)s more: see the panel.")


def alert_text(catalogue: Translations, fresh: Sequence[Condition], over: Sequence[Condition]) -> tuple[str, str]:
    """Return title and text of a message about what has come, and what is over."""
    lines = [_line(catalogue, one) for one in fresh]
    ended = catalogue.gettext(_OVER)
    lines += [ended % {"what": _line(catalogue, one)} for one in over]
    if len(lines) > MOST_LINES:
        more = catalogue.gettext(_MORE) % {"count": len(lines) - MOST_LINES}
        lines = [*lines[:MOST_LINES], more]
    title = catalogue.gettext(_TITLE if fresh else _BETTER)
    if len(fresh) + len(over) == 1:
        title = f"{title}: {_about((*fresh, *over)[0])}".removesuffix(": ")
    return title, "\n".join(f"- {line}" for line in lines)


def _about(one: Condition) -> str:
    return next((one.values[name] for name in ("nas", "pool", "node") if name in one.values), "")


def _line(catalogue: Translations, one: Condition) -> str:
    if one.kind in _WORDS:
        return str(catalogue.gettext(_WORDS[one.kind]) % dict(one.values))

    def say(message: str, **values: str) -> str:
        return str(catalogue.gettext(message) % values)

    return trouble_words(one.values.get("said", one.key), say)[0]
