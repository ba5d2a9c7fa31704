"""One daemon for each data directory."""

import fcntl
import os
from pathlib import Path

from netbilld.model.errors import NetbilldError


class DirectoryLock:
    """An advisory lock that the kernel frees when its holder ends, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "daemon.lock"
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            NetbilldError: another daemon holds it, or the directory can't be used.
        """
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise NetbilldError(
                f"data_dir {self._path.parent} can't be used: {error.strerror}",
                hint="run `netbilld init`",
                code="data_dir",
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            raise NetbilldError(
                f"another netbilld (process {holder}) already works in {self._path.parent}",
                hint="stop it, or set another data_dir",
                code="already_running",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle

    def release(self) -> None:
        """Give the lock back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
