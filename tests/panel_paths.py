"""Paths of the panel's routes with real things in them, for tests that walk the whole map."""

import re
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from netbilld.panel.route import Route
from tests.panel_fixture import Person

_PART: Final = re.compile(r"(?P<directory>[a-z-]*)/\{(?P<name>\w+)(?::(?P<pattern>(?:[^{}]|\{[^{}]*\})*))?\}")
_FIXED: Final = {("plans", "code"): "HOME20", ("nas", "name"): "cibiru-1", ("invoices", "number"): "INV-2026-000001"}


def path_of(route: Route, person: Person | None = None, known: Mapping[str, str] | None = None) -> str:
    """Return the route's path with real things in it, or with some that are nobody's.

    Args:
        route: which.
        person: whose things.
        known: what to put for a field after a directory, `sessions` for `/sessions/{id}`; goes before all else.
    """

    def put(part: re.Match[str]) -> str:
        return f"{part['directory']}/{_value(part, person, known or {})}"

    path = _PART.sub(put, route.path)
    assert "{" not in path, "a new kind of path needs a value here"
    return path


def _value(part: re.Match[str], person: Person | None, known: Mapping[str, str]) -> str:
    directory, name, pattern = part["directory"], part["name"], part["pattern"] or ""
    if directory in known:
        return known[directory]
    if (directory, name) in _FIXED:
        return _FIXED[directory, name]
    if directory == "subscribers":
        return person.number if person else "999999"
    if directory == "services":
        return str(person.service_id if person else uuid4())
    if "0-9a-f" in pattern:
        return str(uuid4())
    if "|" in pattern:  # one of some words
        return pattern.split("|")[0]
    if pattern[1:3] == r"\d":  # a letter and digits: numbers of complaints and outages
        return f"{pattern[0]}99999"
    return "424242" if pattern.startswith(r"\d") else "nobodys"
