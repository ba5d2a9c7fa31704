"""Sentences of the RouterOS API as octets (manual, page API)."""

import asyncio
from collections.abc import Iterable

Words = list[bytes]


def encode_length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    if length < 0x4000:
        return (length | 0x8000).to_bytes(2, "big")
    if length < 0x200000:
        return (length | 0xC00000).to_bytes(3, "big")
    if length < 0x10000000:
        return (length | 0xE0000000).to_bytes(4, "big")
    return b"\xf0" + length.to_bytes(4, "big")


def encode_sentence(words: Iterable[bytes]) -> bytes:
    return b"".join(encode_length(len(word)) + word for word in words) + b"\0"


async def read_sentence(reader: asyncio.StreamReader) -> Words:
    words: Words = []
    while word := await _read_word(reader):
        words.append(word)
    return words


async def _read_word(reader: asyncio.StreamReader) -> bytes:
    first = (await reader.readexactly(1))[0]
    for more, limit, mask in ((0, 0x80, 0x7F), (1, 0xC0, 0x3F), (2, 0xE0, 0x1F), (3, 0xF0, 0x0F)):
        if first < limit:
            rest = await reader.readexactly(more)
            length = int.from_bytes(bytes([first & mask]) + rest, "big")
            break
    else:
        length = int.from_bytes(await reader.readexactly(4), "big")
    return await reader.readexactly(length)


def attributes(sentence: Words) -> dict[str, str]:
    """Return the words `=name=value` of a sentence."""
    found = {}
    for word in sentence[1:]:
        if word[:1] == b"=":
            name, _, value = word[1:].partition(b"=")
            found[name.decode()] = value.decode("utf-8", "surrogateescape")
    return found


def passes(row: dict[str, str], sentence: Words) -> bool:
    """Run the stack machine of query words over a row; what is left on the stack must all hold."""
    stack: list[bool] = []
    for word in (word.decode("utf-8", "surrogateescape") for word in sentence[1:] if word[:1] == b"?"):
        if word.startswith("?#"):
            _operate(stack, word[2:])
        else:
            stack.append(_holds(row, word[1:]))
    return all(stack)


def _operate(stack: list[bool], operations: str) -> None:
    for operation in operations:
        if operation == "!":
            stack.append(not stack.pop())
        elif operation == "|":
            stack.append(stack.pop() | stack.pop())
        elif operation == "&":
            stack.append(stack.pop() & stack.pop())


def _holds(row: dict[str, str], said: str) -> bool:
    if said.startswith("-"):
        return said[1:] not in row
    for sign in "<>":
        if said.startswith(sign):
            name, _, value = said[1:].partition("=")
            if name not in row:
                return False
            one, other = row[name], value
            if one.isdecimal() and other.isdecimal():
                return int(one) < int(other) if sign == "<" else int(one) > int(other)
            return one < other if sign == "<" else one > other
    name, has_value, value = said.lstrip("=").partition("=")
    return row.get(name) == value if has_value else name in row
