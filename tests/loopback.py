"""A web application that answers on a loopback port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.peers import free_tcp_port


@asynccontextmanager
async def served(app: web.Application | web.AppRunner, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Give the address at which an application answers."""
    runner = app if isinstance(app, web.AppRunner) else web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    port = free_tcp_port()
    try:
        await web.TCPSite(runner, host, port).start()
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
