import asyncio
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from netbilld.accounting.entry import BEGINNING
from netbilld.adapters.journal import Journal

WRITER = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from netbilld.adapters.journal import Journal

async def main():
    journal = Journal(Path(sys.argv[1]), commit_seconds=0.001, segment_octets=256 * 1024)
    journal.open()
    journal.start(asyncio.get_running_loop())
    number = 0
    def told(token, durable):
        assert durable
        sys.stdout.write(f"{token}\\n")
        sys.stdout.flush()
    while True:
        for _ in range(20):
            journal.append(UUID(int=1), "192.0.2.1", False, number, b"%d" % number + bytes(200), told, number)
            number += 1
        await asyncio.sleep(0.0005)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 500, 3000])
async def test_killed_at_any_moment_the_journal_holds_everything_that_was_acknowledged(
    tmp_path: Path, lines: int
) -> None:
    """limits §5, RFC 2866 §4.1: an acknowledged record survives kill -9, over several segments."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(lines)]
    process.kill()
    rest = process.stdout.read().split(b"\n")[:-1]
    acknowledged += [int(line) for line in rest if line]
    process.wait()
    process.stdout.close()

    journal = Journal(tmp_path)
    journal.open()
    journal.start(asyncio.get_running_loop())
    try:
        kept = []
        cursor = BEGINNING
        while True:
            batch = journal.read(cursor, 512)
            kept += [int(entry.datagram.rstrip(b"\0")) for entry in batch.entries]
            cursor = batch.cursor
            if not batch.behind:
                break
        assert set(acknowledged) <= set(kept)
        assert kept == sorted(set(kept))
        told: list[bool] = []
        journal.append(UUID(int=1), "192.0.2.1", False, 1, b"after", lambda _, durable: told.append(durable), None)
        await journal.drain()
        assert told == [True]
        assert [entry.datagram for entry in journal.read(cursor, 5).entries] == [b"after"]
    finally:
        await journal.close()
