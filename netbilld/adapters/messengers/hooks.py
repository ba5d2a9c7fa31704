"""What the webhooks of messengers have in common: a body of JSON, and a word for who looks whether we are there."""

import json
from collections.abc import Mapping
from typing import Any, Final

from netbilld.adapters.messengers.values import mapped
from netbilld.ports.messenger_hooks import HookCall, HookRefusedError

REFUSED: Final = 400
FORBIDDEN: Final = 403


class SaysOk:
    """A webhook whose messenger asks nothing beforehand; people open its address in a browser."""

    def greet(self, query: Mapping[str, str]) -> str | None:
        """Return what to say to who opens the address."""
        del query
        return "ok"


def json_body(call: HookCall) -> Mapping[str, Any]:
    """Return the object in a call's body; an empty one where it is something else.

    Raises:
        HookRefusedError: it is no JSON.
    """
    try:
        return mapped(json.loads(call.body))
    except (ValueError, RecursionError):
        raise HookRefusedError(REFUSED, "no JSON") from None
