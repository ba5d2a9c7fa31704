"""Webhooks without a signature: the secret in their path is all that proves where they come from."""

import hashlib
from typing import Any

from netbilld.adapters.messengers.hooks import REFUSED, json_body
from netbilld.ports.messenger_hooks import HookCall, HookRefusedError


def unsigned_document(call: HookCall) -> dict[str, Any]:
    """Return a body of JSON, or the fields of a form, with names in small letters.

    Raises:
        HookRefusedError: it is neither.
    """
    if call.method == "GET" or "json" not in call.headers.get("content-type", "application/json"):
        fields: dict[str, Any] = dict(call.form())
    else:
        fields = dict(json_body(call))
    if not fields:
        raise HookRefusedError(REFUSED, "nothing in it")
    return {str(name).casefold(): value for name, value in fields.items()}


def once_key(*parts: str) -> str:
    """Return a key for what has no id of its own."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
