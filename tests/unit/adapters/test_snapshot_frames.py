"""A snapshot's file is whole or not believed."""

import errno
import os
from pathlib import Path

import pytest

from netbilld.adapters.secretbox import SecretBox
from netbilld.adapters.snapshot.frames import FrameWriter, read_frames
from netbilld.model.errors import NetbilldError

BOX = SecretBox(bytes(32))


def _written(path: Path, *frames: bytes) -> bytes:
    writer = FrameWriter(path, BOX)
    for frame in frames:
        writer.add(frame)
    assert writer.finish() == path.stat().st_size
    return path.read_bytes()


def test_what_was_written_is_read_and_no_part_of_it_is_in_the_clear(tmp_path: Path) -> None:
    frames = (b"budi and his password" * 3, b"", os.urandom(3000))
    octets = _written(tmp_path / "snapshot", *frames)
    assert tuple(read_frames(tmp_path / "snapshot", BOX)) == frames
    assert b"budi" not in octets
    assert (tmp_path / "snapshot").stat().st_mode & 0o077 == 0


def test_whichever_octet_is_changed_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    good = _written(path, b"one", os.urandom(300))
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(NetbilldError, match="can't be used"):
            list(read_frames(path, BOX))


def test_wherever_it_is_cut_off_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    good = _written(path, b"one", os.urandom(300))
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(NetbilldError, match="can't be used"):
            list(read_frames(path, BOX))
    path.write_bytes(good + b"x")
    with pytest.raises(NetbilldError, match="something follows its end"):
        list(read_frames(path, BOX))


def test_frames_of_another_snapshot_or_in_another_order_are_refused(tmp_path: Path) -> None:
    path, frame = tmp_path / "snapshot", os.urandom(100)
    one, other = _written(path, frame, frame), _written(path, frame, frame)
    begin, length = 32, 4 + int.from_bytes(one[32:36], "big")
    for mixed in (
        one[:begin] + other[begin : begin + length] + one[begin + length :],
        one[:begin]
        + one[begin + length : begin + 2 * length]
        + one[begin : begin + length]
        + one[begin + 2 * length :],
    ):
        path.write_bytes(mixed)
        with pytest.raises(NetbilldError, match="damaged"):
            list(read_frames(path, BOX))


def test_another_key_is_refused(tmp_path: Path) -> None:
    _written(tmp_path / "snapshot", b"one")
    with pytest.raises(NetbilldError, match="sealed with another key"):
        list(read_frames(tmp_path / "snapshot", SecretBox(b"\1" * 32)))


def test_a_full_disk_leaves_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "snapshot"
    older = _written(path, b"older")
    writer = FrameWriter(path, BOX)
    writer.add(b"newer")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        writer.finish()
    writer.abandon()
    assert path.read_bytes() == older
    assert [each.name for each in tmp_path.iterdir()] == ["snapshot"]
