"""A file of encrypted frames, whole or not believed: what is cut off, exchanged or changed does not open.

After a mark and 16 random octets come frames: their length in 4 octets, and the frame as `SecretBox` seals it. What a
frame is sealed for names the file's random octets, the frame's number and whether it is the last one.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from zlib import compress, decompressobj

from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import NetbilldError

MAX_FRAME_OCTETS: Final = 64 * 1024 * 1024  # unpacked; ours hold a few thousand rows
_MARK: Final = b"netbilldsnap\x00\x01\r\n"
_NAME_OCTETS: Final = 16
_LENGTH_OCTETS: Final = 4
_FASTEST: Final = 1


def unfinished_path(path: Path) -> Path:
    """Return where the file at `path` is written until it is whole."""
    return path.with_name(path.name + ".unfinished")


class FrameWriter:
    """Writes a file beside the one it replaces once it is whole and durable."""

    def __init__(self, path: Path, box: SecretBox) -> None:
        """Begin an unfinished file.

        Raises:
            OSError: no space, or no right to write there.
        """
        self._path = path
        self._unfinished = unfinished_path(path)
        self._box = box
        self._name = os.urandom(_NAME_OCTETS)
        self._number = 0
        descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._file.write(_MARK + self._name)

    def add(self, frame: bytes) -> None:
        """Add a frame.

        Raises:
            OSError: the disk is full or fails.
        """
        self._add(frame, is_last=False)

    def finish(self) -> int:
        """Make the file durable, put it in the place of the older one, and return its size in octets.

        Raises:
            OSError: the disk is full or fails; the older file is untouched.
        """
        self._add(b"", is_last=True)
        self._file.flush()
        os.fsync(self._file.fileno())
        octets = self._file.tell()
        self._file.close()
        self._unfinished.rename(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return octets

    def abandon(self) -> None:
        """Leave the older file as it is."""
        with suppress(OSError):  # what was buffered has no room either
            self._file.close()
        self._unfinished.unlink(missing_ok=True)

    def _add(self, frame: bytes, *, is_last: bool) -> None:
        sealed = self._box.seal(compress(frame, _FASTEST), _place(self._name, self._number, is_last=is_last))
        self._file.write(len(sealed).to_bytes(_LENGTH_OCTETS, "big") + sealed)
        self._number += 1


def read_frames(path: Path, box: SecretBox) -> Iterator[bytes]:
    """Yield the frames of a file; only once it has ended without an error is it known to be whole.

    Raises:
        NetbilldError: it is damaged, cut off, or sealed with another key.
        OSError: it is not there, or can't be read.
    """
    with path.open("rb") as file:
        name = file.read(len(_MARK) + _NAME_OCTETS).removeprefix(_MARK)
        if len(name) != _NAME_OCTETS:
            raise unusable(path, "it is no snapshot of this release")
        number = 0
        while True:
            length = int.from_bytes(file.read(_LENGTH_OCTETS), "big")
            sealed = file.read(length) if 0 < length <= MAX_FRAME_OCTETS else b""
            if not sealed or len(sealed) < length:
                raise unusable(path, "it is cut off")
            frame, is_last = _opened(path, box, sealed, name, number)
            if is_last:
                if file.read(1):
                    raise unusable(path, "something follows its end")
                return
            yield frame
            number += 1


def _opened(path: Path, box: SecretBox, sealed: bytes, name: bytes, number: int) -> tuple[bytes, bool]:
    for is_last in (False, True):
        try:
            packed = box.open(sealed, _place(name, number, is_last=is_last))
        except NetbilldError:
            continue
        unpacker = decompressobj()
        frame = unpacker.decompress(packed, MAX_FRAME_OCTETS)
        if not unpacker.eof:
            raise unusable(path, "a part of it is too large")
        return frame, is_last
    raise unusable(path, "it is damaged, or was sealed with another key" if number == 0 else "it is damaged")


def _place(name: bytes, number: int, *, is_last: bool) -> str:
    return f"snapshot:{name.hex()}:{number}:{'last' if is_last else 'more'}"


def unusable(path: Path, why: str) -> NetbilldError:
    """Return the refusal of a snapshot."""
    return NetbilldError(f"the snapshot {path} can't be used: {why}", code="snapshot_unusable")
