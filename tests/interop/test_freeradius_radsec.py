"""FreeRADIUS as a RadSec proxy before a real daemon: radclient asks it over UDP, it asks netbilld through TLS."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.freeradius_process import FreeradiusProcess
from tests.peers import free_tcp_port, free_udp_port, need, wait_until

pytestmark = [pytest.mark.peer, pytest.mark.slow]

NEAR_SECRET = "between-nas-and-proxy"
CONFIGURATION = """
modules {{
    always ok {{
        rcode = ok
    }}
}}
client nas {{
    ipaddr = 127.0.0.1
    secret = {secret}
}}
home_server netbilld {{
    type = auth+acct+coa
    ipaddr = 127.0.0.1
    port = {port}
    proto = tcp
    secret = radsec
    status_check = none
    tls {{
        certificate_file = {certs}/issued/proxy.pem
        private_key_file = {certs}/issued/proxy.key
        ca_file = {certs}/ca.pem
        tls_min_version = "{version}"
        tls_max_version = "{version}"
        fragment_size = 8192
    }}
    recv_coa {{
        virtual_server = orders
    }}
}}
home_server_pool netbilld {{
    type = fail-over
    home_server = netbilld
}}
realm netbilld {{
    auth_pool = netbilld
    acct_pool = netbilld
    nostrip
}}
server near {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {auth_port}
    }}
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {acct_port}
    }}
    authorize {{
        update control {{
            Proxy-To-Realm := netbilld
        }}
    }}
    preacct {{
        update control {{
            Proxy-To-Realm := netbilld
        }}
    }}
}}
server orders {{
    recv-coa {{
        ok
    }}
    send-coa {{
        ok
    }}
}}
"""


class Proxy(FreeradiusProcess):
    """A FreeRADIUS of its own configuration, on loopback, ended with the test."""

    def __init__(self, directory: Path, port: int, certs: Path, version: str) -> None:
        self.auth_port, self.acct_port = free_udp_port(), free_udp_port()
        super().__init__(
            directory,
            CONFIGURATION.format(
                secret=NEAR_SECRET,
                port=port,
                certs=certs,
                version=version,
                auth_port=self.auth_port,
                acct_port=self.acct_port,
            ),
        )

    def ask(self, kind: str, attributes: str) -> str:
        """Return what radclient prints."""
        port = self.acct_port if kind == "acct" else self.auth_port
        answer = subprocess.run(
            [need("radclient"), "-x", "-r", "3", "-t", "3", f"127.0.0.1:{port}", kind, NEAR_SECRET],
            input=attributes,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return answer.stdout + answer.stderr


class Chain:
    """A daemon that serves RadSec, and the proxies before it."""

    def __init__(self, directory: Path) -> None:
        need("freeradius")
        self.port = free_tcp_port()
        self.daemon = daemon = DaemonProcess(directory, NETBILLD_RADIUS__RADSEC_PORT=str(self.port))
        daemon.init()
        daemon.cli("certs", "init", "--name", "localhost", "--name", "127.0.0.1")
        daemon.cli("certs", "issue", "proxy")
        daemon.cli("certs", "issue", "budi")
        daemon.plan()
        daemon.nas("proxy")
        daemon.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia", "--name", "Budi")

    @contextmanager
    def proxy(self, version: str) -> Iterator[Proxy]:
        """Give a proxy that speaks one version of TLS."""
        home = self.daemon.directory / f"freeradius-{version}"
        home.mkdir()
        proxy = Proxy(home, self.port, self.daemon.data_dir / "certs", version)
        try:
            yield proxy
        finally:
            proxy.end()


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chain, Proxy]]:
    made = Chain(tmp_path_factory.mktemp("proxy"))
    with made.daemon:
        made.daemon.start()
        with made.proxy("1.3") as proxy:
            yield made, proxy


@pytest.mark.parametrize(
    "credentials", ['User-Password = "rahasia"', 'CHAP-Password = "rahasia"', 'MS-CHAP-Password = "rahasia"']
)
def test_log_ins_pass_through_the_proxy(chain: tuple[Chain, Proxy], credentials: str) -> None:
    """RFC 6614; the proxy signs nothing and adds Proxy-State, which must come back to it."""
    _, proxy = chain
    answer = proxy.ask("auth", f'User-Name = "budi"\n{credentials}\nNAS-IP-Address = 127.0.0.1\n')
    assert "Received Access-Accept" in answer, answer + proxy.log[-3000:]
    assert 'Mikrotik-Rate-Limit = "10M/20M"' in answer
    assert "Received Access-Reject" in proxy.ask("auth", 'User-Name = "budi"\nUser-Password = "salah"\n')


@pytest.mark.parametrize("method", ["TLS", "PEAP"])
def test_eap_passes_through_the_proxy_with_certificates_of_our_own(chain: tuple[Chain, Proxy], method: str) -> None:
    """Keys are told with the secret of the hop, «radsec», and arrive whole at the far end."""
    made, proxy = chain
    certs = made.daemon.data_dir / "certs"
    proof = {
        "TLS": f'client_cert="{certs}/issued/budi.pem"\nprivate_key="{certs}/issued/budi.key"',
        "PEAP": 'anonymous_identity="anonymous"\npassword="rahasia"\nphase2="auth=MSCHAPV2"',
    }[method]
    block = f'key_mgmt=WPA-EAP\neap={method}\nidentity="budi"\nca_cert="{certs}/ca.pem"\n{proof}'
    configuration = made.daemon.directory / "eapol.conf"
    configuration.write_text(f"network={{\n{block}\n}}\n")
    command = [need("eapol_test"), "-c", str(configuration), "-t", "20", "-a", "127.0.0.1"]
    run = subprocess.run(
        [*command, "-p", str(proxy.auth_port), "-s", NEAR_SECRET],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout.rstrip().endswith("MPPE keys OK: 1  mismatch: 0\nSUCCESS"), run.stdout[-3000:] + proxy.log[-3000:]


def test_tls_1_2_will_do(chain: tuple[Chain, Proxy]) -> None:
    made, _ = chain
    with made.proxy("1.2") as proxy:
        assert "Received Access-Accept" in proxy.ask("auth", 'User-Name = "budi"\nUser-Password = "rahasia"\n')


def test_accounting_passes_through_the_proxy_and_orders_come_back_through_it(chain: tuple[Chain, Proxy]) -> None:
    """Accounting over the connection, then a CoA back over it: FreeRADIUS takes it (`recv_coa`) and acknowledges."""
    made, proxy = chain
    login = proxy.ask("auth", 'User-Name = "budi"\nUser-Password = "rahasia"\nNAS-IP-Address = 127.0.0.1\n')
    grant = next(line.split("=")[1].strip() for line in login.splitlines() if line.strip().startswith("Class ="))
    common = (
        f'User-Name = "budi"\nAcct-Session-Id = "91100001"\nFramed-IP-Address = 100.64.0.9\nClass = {grant}\n'
        "NAS-IP-Address = 127.0.0.1\n"
    )
    assert "Received Accounting-Response" in proxy.ask("acct", f"{common}Acct-Status-Type = Start\n"), proxy.log[-3000:]
    wait_until(lambda: bool(made.daemon.json("session", "list", "--username", "budi")), "the session is known")
    (session,) = made.daemon.json("session", "list", "--username", "budi")
    assert session["nas"] == "proxy"
    made.daemon.cli("subscriber", "suspend", "budi", "--reason", "test")
    wait_until(
        lambda: "Sent CoA-ACK" in proxy.log or "Sent Disconnect-ACK" in proxy.log,
        lambda: f"FreeRADIUS acknowledges the order:\n{proxy.log[-4000:]}\n{made.daemon.log}",
    )
    stop = proxy.ask("acct", f"{common}Acct-Status-Type = Stop\nAcct-Session-Time = 60\nAcct-Input-Octets = 1000\n")
    assert "Received Accounting-Response" in stop
    wait_until(lambda: not made.daemon.json("session", "list", "--username", "budi"), "the session has ended")
    made.daemon.cli("subscriber", "resume", "budi")
