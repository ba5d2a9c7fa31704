"""The files of a journal: identity, lock, segments; made so that a crash leaves none half made."""

import fcntl
import os
from pathlib import Path
from typing import Final
from uuid import UUID

from netbilld.adapters.journal.layout import (
    encode_segment_header,
)
from netbilld.model.errors import NetbilldError

_SUFFIX: Final = ".journal"


def segment_path(directory: Path, number: int) -> Path:
    """Return where segment `number` lies."""
    return directory / f"{number:010d}{_SUFFIX}"


def segment_numbers(directory: Path) -> list[int]:
    """Return the numbers of all segments, ascending."""
    names = (path.name.removesuffix(_SUFFIX) for path in directory.glob(f"*{_SUFFIX}"))
    return sorted(int(name) for name in names if name.isdigit())


def create_segment(directory: Path, identity: UUID, number: int, first_sequence: int, size_octets: int) -> int:
    """Make a segment with room for `size_octets`, durable in its directory; return a descriptor to write with.

    Raises:
        OSError: no space, or the disk fails; nothing is left behind.
    """
    unfinished = directory / "unfinished"
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size_octets)
        write_all(descriptor, encode_segment_header(identity, number, first_sequence), 0)
        os.fsync(descriptor)
        unfinished.rename(segment_path(directory, number))
        sync_directory(directory)
    except OSError:
        os.close(descriptor)
        unfinished.unlink(missing_ok=True)
        raise
    return descriptor


def open_segment(directory: Path, number: int, *, writable: bool) -> int | None:
    """Return a descriptor of segment `number`; None if it is not there."""
    try:
        return os.open(segment_path(directory, number), (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def write_all(descriptor: int, octets: bytes, position: int) -> None:
    """Write all of `octets` at `position`, however often the kernel takes only a part."""
    written = os.pwrite(descriptor, octets, position)
    while written < len(octets):
        written += os.pwrite(descriptor, octets[written:], position + written)


def clear_tail(descriptor: int, position: int) -> None:
    """Make everything from `position` on zeros, keeping the size, and all of the file durable."""
    size = os.fstat(descriptor).st_size
    os.ftruncate(descriptor, position)
    if size > position:
        os.posix_fallocate(descriptor, 0, size)
    os.fsync(descriptor)


def lock_directory(directory: Path) -> int:
    """Return the descriptor that holds the journal for this process until it is closed.

    Raises:
        NetbilldError: another process holds it.
    """
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise NetbilldError(
            f"the accounting journal in {directory} is in use by another netbilld",
            hint="stop that one, or give this one a data_dir of its own",
            code="journal_in_use",
        ) from None
    return descriptor


def read_identity(directory: Path) -> UUID:
    """Return the journal's lasting identity.

    Raises:
        NetbilldError: the journal has none, or what is there is none.
    """
    path = directory / "identity"
    try:
        return UUID(path.read_text("ascii").strip())
    except FileNotFoundError:
        problem = "is missing although the journal has segments"
    except (ValueError, UnicodeDecodeError):
        problem = "holds no journal identity"
    raise NetbilldError(
        f"{path} {problem}", hint="restore the file from a backup of the data directory", code="journal_damaged"
    )


def journal_identity(directory: Path, new: UUID) -> UUID:
    """Return the journal's lasting identity; a journal that has none, nor segments, takes `new`.

    Raises:
        NetbilldError: see `read_identity`.
    """
    path = directory / "identity"
    if path.exists() or segment_numbers(directory):
        return read_identity(directory)
    unfinished = directory / "unfinished"
    with unfinished.open("w", encoding="ascii") as file:
        file.write(f"{new}\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    sync_directory(directory)
    return new


def sync_directory(directory: Path) -> None:
    """Make names in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
