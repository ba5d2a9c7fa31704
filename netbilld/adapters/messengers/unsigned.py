"""Webhooks without a signature: the secret in their path is all that proves where they come from."""

import hashlib
import json
from typing import Any, Final

from netbilld.adapters.messengers.values import mapped
from netbilld.ports.messenger_hooks import HookCall, HookRefusedError

_REFUSED: Final = 400


def unsigned_document(call: HookCall) -> dict[str, Any]:
    """Return a body of JSON, or the fields of a form, with names in small letters.

    Raises:
        HookRefusedError: it is neither.
    """
    if call.method == "GET" or "json" not in call.headers.get("content-type", "application/json"):
        fields: dict[str, Any] = dict(call.form())
    else:
        try:
            fields = dict(mapped(json.loads(call.body)))
        except (ValueError, RecursionError):
            raise HookRefusedError(_REFUSED, "no JSON") from None
    if not fields:
        raise HookRefusedError(_REFUSED, "nothing in it")
    return {str(name).casefold(): value for name, value in fields.items()}


def once_key(*parts: str) -> str:
    """Return a key for what has no id of its own."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
