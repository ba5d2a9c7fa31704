"""`python -m netbilld.demo.nas`: one simulated NAS in a process of its own."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

from netbilld.demo.nas.control import ControlServer
from netbilld.demo.nas.simulated_nas import SimulatedNas
from netbilld.demo.nas.spec import NasSpec, load_spec
from netbilld.model.errors import InvalidInputError, NetbilldError


def main() -> int:
    """Run until told to quit; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m netbilld.demo.nas", description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="JSON file that says what to simulate")
    parser.add_argument("--control", type=Path, required=True, help="Unix socket to be steered by")
    parser.add_argument(
        "--exit-with-stdin", action="store_true", help="quit when standard input ends, so as not to outlive a parent"
    )
    options = parser.parse_args()
    try:
        asyncio.run(_run(load_spec(options.spec), options.control, exit_with_stdin=options.exit_with_stdin))
    except NetbilldError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


async def _run(spec: NasSpec, control_path: Path, *, exit_with_stdin: bool) -> None:
    loop = asyncio.get_running_loop()
    try:
        nas = SimulatedNas(spec)
    except ValueError as error:
        raise InvalidInputError(f"pools: {error}") from None
    control = ControlServer(nas, control_path)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, control.quitting.set)
    if exit_with_stdin:
        _watch_stdin(loop, control.quitting)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(nas)
        except OSError as error:
            raise InvalidInputError(f"{spec.bind_address}:{spec.coa_port}: {error.strerror}") from None
        stack.push_async_callback(control.close)
        try:
            await control.open()
        except OSError as error:
            raise InvalidInputError(f"{control_path}: {error.strerror or error}") from None
        print(json.dumps({"ready": True, "name": spec.name, "coa_port": nas.coa_port}), flush=True)
        await control.quitting.wait()
        await nas.shut_down()


def _watch_stdin(loop: asyncio.AbstractEventLoop, quitting: asyncio.Event) -> None:
    descriptor = sys.stdin.fileno()

    def readable() -> None:
        if not os.read(descriptor, 4_096):
            loop.remove_reader(descriptor)
            quitting.set()

    loop.add_reader(descriptor, readable)


if __name__ == "__main__":
    sys.exit(main())
