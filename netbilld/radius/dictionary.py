"""Number to name, through pyrad's dictionary reader and our own small files in `dictionaries/`.

For people's eyes and for pyrad's users (the simulated NAS, tests); nothing on the path of a packet asks here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from pyrad.dictionary import Dictionary, ParseError

from netbilld.model.errors import InvalidInputError

_KEYWORDS: Final = frozenset(
    (
        "ATTRIBUTE", "VALUE", "VENDOR", "BEGIN-VENDOR", "END-VENDOR", "$INCLUDE", "$INCLUDE-",
        # of FreeRADIUS's own files, and of no use here
        "BEGIN-TLV", "END-TLV", "BEGIN-PROTOCOL", "END-PROTOCOL", "PROTOCOL", "ALIAS", "FLAGS", "STRUCT", "MEMBER",
        "DEFINE", "ENUM",
    )
)  # fmt: skip
_DEEPEST_INCLUDE: Final = 20
_more: list[Path] = []  # the operator's own files


@dataclass(frozen=True, slots=True)
class AttributeName:
    """How an attribute is called, its data type in FreeRADIUS's words, and the names of its numbers."""

    name: str
    type: str
    values: Mapping[int, str]


def dictionary_path() -> Path:
    """Return the file that includes all the others, to be read by `pyrad.dictionary.Dictionary`."""
    return Path(__file__).with_name("dictionaries") / "dictionary"


def load(more: Sequence[Path] | None = None) -> Any:
    """Return a fresh `pyrad.dictionary.Dictionary` of everything netbilld speaks and of files in the same syntax.

    `more` None takes those that `use_files` named.

    Raises:
        InvalidInputError: a line of such a file can't be read; the message names file and line.
    """
    dictionary = Dictionary(str(dictionary_path()))
    for path in _more if more is None else more:
        lines = list(_lines(path))
        try:
            dictionary.ReadDictionary(str(path.absolute()))
        except ParseError as error:
            where = next((name for name, number, _ in lines if name.name == error.file and number == error.line), path)
            raise _unreadable(where, error.line, error.msg or "can't be read") from None
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"dictionary {path}: {error}", code="bad_dictionary") from None
        known = dictionary.attributes.keys() | dictionary.skipped_attributes
        for name, number, tokens in lines:
            if tokens[0] == "VALUE" and tokens[1] not in known:
                raise _unreadable(name, number, f"a value of the attribute {tokens[1]}, which is defined nowhere")
    return dictionary


def use_files(paths: Iterable[Path]) -> None:
    """Read an operator's own files beside ours from now on.

    Raises:
        InvalidInputError: a line can't be read; the message names file and line, and nothing has changed.
    """
    wanted = list(paths)
    if wanted == _more:
        return
    load(wanted)
    _more[:] = wanted
    names.cache_clear()
    keys.cache_clear()


def _lines(path: Path, depth: int = 0) -> Iterator[tuple[Path, int, list[str]]]:
    """Return file, line number and words of each line that says something, those of included files too.

    pyrad passes over what it does not know; a typing error must not pass.
    """
    if depth > _DEEPEST_INCLUDE:
        raise InvalidInputError(f"dictionary {path}: files include each other", code="bad_dictionary")
    try:
        written = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        number = path.read_bytes()[: error.start].count(b"\n") + 1
        raise _unreadable(path, number, "not UTF-8 text") from None
    except OSError as error:
        raise InvalidInputError(f"dictionary {path}: {error.strerror}", code="bad_dictionary") from None
    for number, line in enumerate(written, 1):
        tokens = line.partition("#")[0].split()
        if not tokens:
            continue
        keyword = tokens[0] = tokens[0].upper()
        if keyword not in _KEYWORDS:
            raise _unreadable(path, number, f"{tokens[0]!r} is no word of a dictionary; ATTRIBUTE, VALUE, VENDOR are")
        if keyword == "VALUE" and len(tokens) != 4:
            raise _unreadable(path, number, "a value is written VALUE ATTRIBUTE-NAME NAME NUMBER")
        if keyword in {"$INCLUDE", "$INCLUDE-"}:
            included = path.parent / " ".join(tokens[1:])
            if keyword == "$INCLUDE" and not included.exists():
                raise _unreadable(path, number, f"{included} does not exist")
            if included.exists():
                yield from _lines(included, depth + 1)
            continue
        yield path, number, tokens


def _unreadable(path: Path, number: int, problem: str) -> InvalidInputError:
    return InvalidInputError(f"dictionary {path}, line {number}: {problem}", code="bad_dictionary")


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
