import os
import subprocess
import sys
from pathlib import Path

import pytest

from netbilld.daemon.lock import DirectoryLock
from netbilld.model.errors import NetbilldError

HOLDER = """
import pathlib, sys, time
from netbilld.daemon.lock import DirectoryLock
DirectoryLock(pathlib.Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_daemon_on_the_same_directory_is_refused_with_the_holder_named(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.acquire()
    with pytest.raises(NetbilldError, match=f"process {os.getpid()}"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_the_lock_of_a_killed_daemon_is_free_at_once(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.wait()
    lock = DirectoryLock(tmp_path)
    lock.acquire()
    lock.release()


def test_a_directory_that_does_not_exist_is_a_clear_refusal(tmp_path: Path) -> None:
    with pytest.raises(NetbilldError, match="netbilld init"):
        DirectoryLock(tmp_path / "missing").acquire()
