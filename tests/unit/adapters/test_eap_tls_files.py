"""EAP inside TLS: the server's own certificate, taken from its files as they change."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from netbilld.adapters.eap_tls import EapTls, EapTlsFiles, EapTlsPolicy
from netbilld.radius.codes import Code
from netbilld.radius.eap import EapServer
from tests.eap_certificates import make
from tests.eap_peer import Peer
from tests.eap_world import NEMO, PASSWORD, Seconds, World, authority, build


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build(tmp_path)


def test_a_renewed_certificate_is_taken_without_a_restart(world: World) -> None:
    def shown() -> x509.Certificate:
        peer = Peer("peap", NEMO, PASSWORD, context=world.context())
        world.login(peer)
        assert peer.connection is not None
        found = peer.connection.get_peer_certificate(as_cryptography=True)
        assert found is not None
        return found

    before = shown()
    renewed = make("radius.example.net", world.authority, days=90)
    renewed.write(world.directory, "server")
    world.seconds.now_mono += 1
    assert before != shown()
    assert shown() == renewed.certificate


def test_the_files_are_looked_at_once_a_second_and_not_for_every_offer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    stat = Path.stat

    def counted(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        looked.append(path)
        return stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", counted)
    for seconds in (1.0, 0.5, 0.4):
        world.seconds.now_mono += seconds
        assert len(world.server.methods) == 4
    assert len(looked) == 3
    world.seconds.now_mono += 0.2
    assert len(world.server.methods) == 4
    assert len(looked) == 6


def test_a_certificate_that_got_lost_leaves_the_old_one_in_use(world: World, caplog: pytest.LogCaptureFixture) -> None:
    (world.directory / "server.key").unlink()
    for _ in range(3):
        world.seconds.now_mono += 1
        peer = Peer("peap", NEMO, PASSWORD, context=world.context())
        assert world.login(peer).decision.code == Code.ACCESS_ACCEPT
    assert len([line for line in caplog.messages if "the one in use stays" in line]) == 1


def test_a_certificate_that_comes_later_is_taken_without_a_restart(tmp_path: Path) -> None:
    files = EapTlsFiles(tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem")
    seconds = Seconds()
    server = EapServer(os.urandom, engine=EapTls(files, EapTlsPolicy(), lambda: datetime.now(UTC), seconds))
    offered = [server.methods]
    make("radius.example.net", authority(), days=60).write(tmp_path, "server")
    seconds.now_mono += 1
    offered.append(server.methods)
    authority().write(tmp_path, "ca")
    seconds.now_mono += 1
    offered.append(server.methods)
    # without an authority no client's certificate is believed
    assert [len(methods) for methods in offered] == [1, 3, 4]
    assert "eap-tls" not in offered[1]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda at: (at / "server.key").unlink(), "server.key is missing"),
        (lambda at: (at / "server.pem").write_text("nonsense"), "server.pem holds no certificate"),
        (lambda at: make("y").write(at, "z")[1].rename(at / "server.key"), "not the key of"),
        (lambda at: (at / "ca.pem").write_text("nonsense"), "ca.pem holds no certificate"),
    ],
)
def test_files_that_can_not_be_used_are_named_and_leave_md5(
    tmp_path: Path, spoil: Callable[[Path], object], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    build(tmp_path)
    spoil(tmp_path)
    caplog.clear()
    files = EapTlsFiles(tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem")
    seconds = Seconds()
    server = EapServer(os.urandom, engine=EapTls(files, EapTlsPolicy(), lambda: datetime.now(UTC), seconds))
    assert server.methods == ("eap-md5",)
    seconds.now_mono += 1
    assert server.methods == ("eap-md5",)
    (line,) = caplog.messages
    assert says in line
    assert "only MD5 is offered" in line
