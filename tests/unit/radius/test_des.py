import os

import pytest

from netbilld.radius.des import des, des_by_cryptography


def test_both_ways_to_des_agree() -> None:
    for _ in range(200):
        keys, block = os.urandom(24), os.urandom(8)
        assert des(keys, block) == des_by_cryptography(keys, block)


def test_a_known_block() -> None:
    """NBS Special Publication 500-20, the variable plain text known answer test."""
    key, block = bytes.fromhex("0101010101010101"), bytes.fromhex("8000000000000000")
    assert des(key * 3, block) == bytes.fromhex("95f8a5e5dd31d900") * 3


@pytest.mark.parametrize(("keys", "block"), [(23, 8), (25, 8), (24, 7), (24, 9), (0, 0)])
def test_other_lengths_are_refused_before_the_library_sees_them(keys: int, block: int) -> None:
    if des is des_by_cryptography:  # which looks itself
        return
    with pytest.raises(ValueError, match="8 octets"):
        des(bytes(keys), bytes(block))
