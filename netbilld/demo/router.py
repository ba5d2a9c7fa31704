"""The simulated NAS in a process of its own, started and ended with the demo."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from netbilld.demo.nas.control_client import ControlClient
from netbilld.demo.nas.spec import NasSpec, dump_spec
from netbilld.model.errors import NetbilldError

_START_SECONDS: Final = 20.0
_END_SECONDS: Final = 6.0


@asynccontextmanager
async def router_process(spec: NasSpec, directory: Path) -> AsyncIterator[ControlClient]:
    """Run the router for the length of the block; it ends with us, however we end.

    Raises:
        NetbilldError: it did not start; in its own words.
    """
    spec_path, control_path = directory / f"{spec.name}.json", directory / f"{spec.name}.sock"
    handle = os.open(spec_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds secrets
    with os.fdopen(handle, "wb") as file:
        file.write(dump_spec(spec))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "netbilld.demo.nas", "--spec", str(spec_path), "--control", str(control_path), "--exit-with-stdin"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us: the router is told in order
    )
    try:
        assert process.stdout is not None, "asked for above"  # noqa: S101
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line or not json.loads(line).get("ready"):
            raise NetbilldError(f"the simulated NAS did not start: {await _complaint(process)}")
        async with ControlClient.open(control_path) as client:
            yield client
    finally:
        if process.stdin is not None:
            process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _complaint(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None, "asked for"  # noqa: S101
    with suppress(TimeoutError):
        async with asyncio.timeout(2):
            return (await process.stderr.read(4096)).decode("utf-8", "replace").strip()
    return "it says nothing"
