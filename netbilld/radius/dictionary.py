"""Number to name, through pyrad's dictionary reader and our own small files in `dictionaries/`.

For people's eyes and for pyrad's users (the simulated NAS, tests); nothing on the path of a packet asks here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pyrad.dictionary import Dictionary


@dataclass(frozen=True, slots=True)
class AttributeName:
    """How an attribute is called, its data type in FreeRADIUS's words, and the names of its numbers."""

    name: str
    type: str
    values: Mapping[int, str]


def dictionary_path() -> Path:
    """Return the file that includes all the others, to be read by `pyrad.dictionary.Dictionary`."""
    return Path(__file__).with_name("dictionaries") / "dictionary"


def load() -> Any:
    """Return a fresh `pyrad.dictionary.Dictionary` of everything netbilld speaks."""
    return Dictionary(str(dictionary_path()))


@cache
def names() -> Mapping[int, AttributeName]:
    """Return the name of each attribute by the key that `packet.decode` uses."""
    dictionary = load()
    found: dict[int, AttributeName] = {}
    for name, attribute in dictionary.attributes.items():
        if attribute.is_sub_attribute:
            continue
        vendor = dictionary.vendors.GetForward(attribute.vendor)
        key = vendor << 8 | attribute.code if vendor else attribute.code
        values = {
            int.from_bytes(encoded, "big"): value_name for value_name, encoded in attribute.values.forward.items()
        }
        found[key] = AttributeName(name, attribute.type, values)
    return found


@cache
def keys() -> Mapping[str, int]:
    """Return the key of each attribute by its name."""
    return {attribute.name: key for key, attribute in names().items()}


def attribute_name(key: int) -> str:
    """Return the name of `key`, or its numbers where none is known: `Vendor-2011-Attr-31`, `Attr-230`."""
    known = names().get(key)
    if known is not None:
        return known.name
    return f"Vendor-{key >> 8}-Attr-{key & 0xFF}" if key > 0xFF else f"Attr-{key}"
