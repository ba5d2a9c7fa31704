"""A daemon that is told of a broker, with one plan, one NAS and Budi."""

from pathlib import Path

from tests.daemon_process import DaemonProcess
from tests.nas_socket import ACCOUNTING_RESPONSE, NasSocket

NODE = "netbilld/node/node-a"


def town(directory: Path, url: str, database_url: str | None = None, **settings: str) -> DaemonProcess:
    """Return the daemon, ready to be started."""
    directory.mkdir(exist_ok=True)
    daemon = DaemonProcess(
        directory,
        database_url,
        NETBILLD_MQTT__URL=url,
        NETBILLD_NODE__NAME="node-a",
        NETBILLD_MQTT__USAGE_SECONDS="1",
        NETBILLD_MQTT__HOME_ASSISTANT_PREFIX="homeassistant",
        **settings,
    )
    daemon.init()
    daemon.plan()
    daemon.nas()
    daemon.cli("subscriber", "add", "budi", "--name", "Budi", "--password", "rahasia", "--plan", "RUMAH20")
    return daemon


def service_of(daemon: DaemonProcess, username: str = "budi") -> str:
    return str(daemon.json("subscriber", "show", username)["service_id"])


def account(nas: NasSocket, status: str, **what: object) -> None:
    """Report to the daemon, which must answer."""
    assert nas.ask(nas.accounting_request(status, **what), accounting=True) == ACCOUNTING_RESPONSE
