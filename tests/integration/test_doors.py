"""The ports that pages are asked on."""

import errno
import socket
from typing import Any

import pytest

from netbilld.daemon.pages import doors
from netbilld.model.errors import NetbilldError
from tests.peers import free_tcp_port

_BOTH = [
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
]


@pytest.mark.parametrize("refusal", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
async def test_a_name_with_an_address_of_a_family_that_is_switched_off_is_listened_on_by_the_others(
    monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    really = doors._bound

    def bound(family: socket.AddressFamily, address: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(refusal, "no IPv6 here")
        return really(family, address)

    monkeypatch.setattr(doors, "_bound", bound)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_of, **_with: _BOTH)
    sockets = await doors.bound("localhost", 0, "panel.port")
    assert [one.family for one in sockets] == [socket.AF_INET]
    sockets[0].close()


async def test_an_address_that_is_not_this_hosts_is_refused_with_its_name() -> None:
    with pytest.raises(NetbilldError, match=r"the panel can't listen on 192\.0\.2\.1"):
        await doors.bound("192.0.2.1", free_tcp_port(), "panel.port")


async def test_a_port_that_is_in_use_is_refused_and_no_other_address_keeps_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NetbilldError, match="Address already in use"):
            await doors.bound("127.0.0.1", port, "panel.port", try_seconds=0)
