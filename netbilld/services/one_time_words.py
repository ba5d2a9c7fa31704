"""Secrets that people read out and type once: no letters that are taken for digits or for one another."""

from typing import Final

_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def one_time_words(entropy: bytes, word_length: int) -> str:
    """Return words of that length made from random octets, each sign worth about 4.95 bits: `k7mq-…`."""
    signs = [_ALPHABET[octet % len(_ALPHABET)] for octet in entropy]
    return "-".join("".join(signs[start : start + word_length]) for start in range(0, len(signs), word_length))
