"""Single keys from a terminal, where there is one."""

import asyncio
import os
import sys
import termios
import tty
from collections.abc import AsyncIterator


async def keys_pressed() -> AsyncIterator[str]:
    """Give each key as it is pressed; nothing at all where standard input is not a terminal."""
    if not sys.stdin.isatty():
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    pressed: asyncio.Queue[str] = asyncio.Queue(100)
    loop = asyncio.get_running_loop()

    def readable() -> None:
        for key in os.read(descriptor, 64).decode("utf-8", "ignore"):
            if not pressed.full():
                pressed.put_nowait(key)

    tty.setcbreak(descriptor)  # Ctrl-C still interrupts
    loop.add_reader(descriptor, readable)
    try:
        while True:
            yield await pressed.get()
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
