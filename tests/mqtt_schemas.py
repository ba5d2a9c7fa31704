"""Which schema of docs/mqtt a topic's messages follow, and whether they do."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker

DIRECTORY: Final = Path(__file__).parent.parent / "docs" / "mqtt"
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TOPICS: Final = {
    rf"service/{_UUID}/state": "state",
    rf"service/{_UUID}/usage": "usage",
    rf"service/{_UUID}/session/[0-9]+": "session",
    rf"service/{_UUID}/event": "event",
    rf"nas/{_UUID}/state": "nas",
    r"node/[A-Za-z0-9_.-]+/status": "status",
    r"node/[A-Za-z0-9_.-]+/health": "health",
    r"alert": "alert",
    r"meter/[^/+#]+/status": "reading_status",
}
_THEIRS: Final = re.compile(r"device/netbilld_[0-9a-f]{32}/config")


@cache
def validator(name: str) -> Draft202012Validator:
    schema = json.loads((DIRECTORY / f"{name}.v1.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def schema_of(topic: str, prefix: str, home_assistant: str) -> str:
    """Return the name of a topic's schema; a topic that the documentation does not name fails the test."""
    if topic.startswith(f"{home_assistant}/"):
        assert _THEIRS.fullmatch(topic.removeprefix(f"{home_assistant}/")), topic
        return "home_assistant"
    assert topic.startswith(f"{prefix}/"), topic
    below = topic.removeprefix(f"{prefix}/")
    (name,) = [name for pattern, name in TOPICS.items() if re.fullmatch(pattern, below)] or [""]
    assert name, f"no schema for {topic}"
    return name


def check(topic: str, payload: bytes, prefix: str = "netbilld", home_assistant: str = "homeassistant") -> Any:
    """Return a published document after it was held against its schema; also a field that this one lacks is a fault."""
    name = schema_of(topic, prefix, home_assistant)
    if not payload:
        return None  # what was retained is cleared
    document = json.loads(payload)
    schema = validator(name)
    schema.validate(document)
    known = schema.schema.get("properties") or {field for one in schema.schema["oneOf"] for field in one["properties"]}
    assert document.keys() <= set(known), f"{topic}: {sorted(document.keys() - set(known))} are not in the schema"
    return document
