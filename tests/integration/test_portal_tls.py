"""The portal's own TLS, beside the plain port: RFC 8908 §4 wants it for what devices ask."""

import ssl
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector
from cryptography import x509

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.http_port import HttpPort
from netbilld.daemon.pages.doors import bound, tls_context
from netbilld.model.errors import NetbilldError
from netbilld.panel.portal.app import create_portal, portal_runner
from tests.eap_certificates import make
from tests.peers import free_tcp_port
from tests.portal_world import World


@pytest.fixture
def world(database: Database, box: SecretBox) -> World:
    return World(database, box)


async def test_rfc8908_4_what_devices_ask_is_answered_over_tls(world: World, tmp_path: Path) -> None:
    authority = make("Desa CA")
    pair = make("localhost", authority, names=(x509.DNSName("localhost"),))
    certificate, key = pair.write(tmp_path, "portal")
    root, _ = authority.write(tmp_path, "ca")
    plain, secure = free_tcp_port(), free_tcp_port()
    url = f"https://localhost:{secure}"
    port = HttpPort("portal", portal_runner(create_portal(world.parts(public_url=url))))
    await port.listen(await bound("127.0.0.1", plain, "portal.port"))
    await port.listen(await bound("127.0.0.1", secure, "portal.tls_port"), tls_context("portal", certificate, key))
    try:
        trust = ssl.create_default_context(cafile=str(root))
        trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
        async with ClientSession(connector=TCPConnector(ssl=trust)) as client:
            async with client.get(url + "/capport", headers={"Accept": "application/captive+json"}) as answer:
                assert answer.content_type == "application/captive+json"
                assert await answer.json(content_type=None) == {"captive": True, "user-portal-url": url + "/isolir"}
            async with client.get(url + "/masuk") as answer:
                cookie = answer.headers["Set-Cookie"]
            assert cookie.startswith("__Host-")
            assert "Secure" in cookie
            probe = f"http://127.0.0.1:{plain}/generate_204"
            headers = {"Host": "connectivitycheck.gstatic.com"}
            async with client.get(probe, headers=headers, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (302, url + "/isolir")
    finally:
        await port.close()


def test_a_certificate_that_cannot_be_used_is_told_by_its_setting(tmp_path: Path) -> None:
    certificate, _ = make("localhost").write(tmp_path, "portal")
    _, other = make("localhost").write(tmp_path, "other")
    for path, key in ((certificate, other), (tmp_path / "none.pem", other), (other, other)):
        with pytest.raises(NetbilldError, match=r"portal\.tls_cert"):
            tls_context("portal", path, key)
