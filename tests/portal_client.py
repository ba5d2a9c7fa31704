"""A client of the portal: from an address of its own, signed in, reading pages and sending their forms."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, CookieJar, DummyCookieJar, TCPConnector

from tests.portal_world import Person


@asynccontextmanager
async def browser(
    source: str = "127.0.0.1", headers: Mapping[str, str] | None = None, *, cookies: bool = True
) -> AsyncIterator[ClientSession]:
    """Give a client whose connections come from that address."""
    jar: Any = CookieJar(unsafe=True) if cookies else DummyCookieJar()
    connector = TCPConnector(local_addr=(source, 0))
    async with ClientSession(connector=connector, cookie_jar=jar, headers=headers) as session:
        yield session


def csrf_of(page: str) -> str:
    """Return the token of a page's forms."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def sign_in(client: ClientSession, url: str, name: str, password: str, **fields: str) -> tuple[int, str]:
    """Fill in the form and send it; return the status and the page it led to."""
    async with client.get(url + "/masuk") as answer:
        token = csrf_of(await answer.text())
    data = {"csrf": token, "name": name, "password": password, **fields}
    async with client.post(url + "/masuk", data=data) as answer:
        return answer.status, (await answer.text()).replace("\N{NO-BREAK SPACE}", " ")


@asynccontextmanager
async def signed_in(url: str, person: Person, source: str = "127.0.0.1") -> AsyncIterator[ClientSession]:
    """Give a client that is signed in."""
    async with browser(source) as client:
        status, page = await sign_in(client, url, person.username, person.password)
        assert status == 200
        assert person.number in page
        yield client


async def read(client: ClientSession, url: str, status: int = 200) -> str:
    """Return a page, with ordinary spaces."""
    async with client.get(url, allow_redirects=False) as answer:
        assert answer.status == status, url
        return (await answer.text()).replace("\N{NO-BREAK SPACE}", " ")


async def send(client: ClientSession, url: str, page: str, path: str, **fields: str) -> tuple[int, str]:
    """Send one of the forms of a page; return the status and the page that it led to."""
    token = csrf_of(await read(client, url + page))
    async with client.post(url + path, data={"csrf": token, **fields}) as answer:
        return answer.status, (await answer.text()).replace("\N{NO-BREAK SPACE}", " ")
