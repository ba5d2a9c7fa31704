"""The directory in memory: for files of tests that nobody needs after a power cut."""

import os
import shutil
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - whoever uses it makes a directory of their own within it


def has_room(octets: int) -> bool:
    """Tell whether so much is free there."""
    return os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= octets
