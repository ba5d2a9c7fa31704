import os
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from netbilld.daemon.settings import Settings, load_settings
from netbilld.model.errors import InvalidInputError

EXAMPLE = Path(__file__).parents[3] / "deploy" / "systemd" / "netbilld.toml.example"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("NETBILLD_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)


def _toml(directory: Path, text: str) -> Path:
    path = directory / "netbilld.toml"
    path.write_text(text)
    return path


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = load_settings()
    assert (settings.radius.auth_port, settings.radius.acct_port) == (1812, 1813)
    assert settings.radius.host == ("0.0.0.0",)
    assert settings.radius.require_message_authenticator == "auto"
    assert settings.radius.interim_interval == 300
    assert (settings.panel.host, settings.panel.port) == ("127.0.0.1", 8080)
    assert (settings.portal.host, settings.portal.port) == ("0.0.0.0", 8081)
    assert (settings.billing.due_days, settings.billing.grace_days) == (10, 0)
    assert settings.billing.isolir_at.isoformat("minutes") == "00:30"
    assert (settings.locale, settings.timezone, settings.currency) == ("id", "Asia/Jakarta", "IDR")
    assert settings.data_dir == Path("var")


def test_the_environment_wins_over_a_credential_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = _toml(tmp_path, 'locale = "en"\ncurrency = "USD"\ntimezone = "Asia/Makassar"\n')
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "netbilld_currency").write_text("EUR")
    (credentials / "netbilld_timezone").write_text("Asia/Jayapura")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    monkeypatch.setenv("NETBILLD_CURRENCY", "SGD")
    settings = load_settings(config)
    assert (settings.currency, settings.timezone, settings.locale) == ("SGD", "Asia/Jayapura", "en")


def test_nested_settings_come_from_the_environment_and_hosts_may_be_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETBILLD_RADIUS__AUTH_PORT", "1912")
    monkeypatch.setenv("NETBILLD_RADIUS__HOST", "127.0.0.1, ::1")
    settings = load_settings()
    assert settings.radius.auth_port == 1912
    assert settings.radius.host == ("127.0.0.1", "::1")


@pytest.mark.parametrize("text", ['"127.0.0.1"', '["127.0.0.1"]', '"[\\"127.0.0.1\\"]"'])
def test_hosts_may_be_one_or_a_list_and_a_list_may_be_json(tmp_path: Path, text: str) -> None:
    assert load_settings(_toml(tmp_path, f"[radius]\nhost = {text}\n")).radius.host == ("127.0.0.1",)


@pytest.mark.parametrize(
    ("text", "value"), [("true", "true"), ("false", "false"), ('"True"', "true"), ('"auto"', "auto")]
)
def test_message_authenticator_takes_the_booleans_of_toml(tmp_path: Path, text: str, value: str) -> None:
    settings = load_settings(_toml(tmp_path, f"[radius]\nrequire_message_authenticator = {text}\n"))
    assert settings.radius.require_message_authenticator == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bar = 1\n", r"bar: unknown setting; allowed here: data_dir"),
        ("[radius]\nauthport = 1\n", r"radius\.authport: unknown setting; allowed here: host, auth_port"),
        ("[radius]\nauth_port = 70000\n", r"radius\.auth_port: Input should be less than or equal to 65535"),
        ('timezone = "Mars/Olympus"\n', r"timezone: time zone 'Mars/Olympus' is not known"),
        ('currency = "XXX"\n', r"currency: currency 'XXX' is not known; write its code, such as IDR"),
        ('[enforcement]\nwalled_down = "fast"\n', r"enforcement\.walled_down: speed 'fast'"),
        ('[radius]\nhost = "banana"\n', r"radius\.host: 'banana' is no address"),
        ("[radius]\nhost = []\n", r"radius\.host: .* at least 1 item"),
        ('[radius]\nrequire_message_authenticator = "maybe"\n', r"radius\.require_message_authenticator: .*'auto'"),
        ('trusted_proxies = ["10.0.0.0/40"]\n', r"trusted_proxies: '10\.0\.0\.0/40' is no address"),
        ('[portal]\npublic_url = "javascript:alert(1)"\n', r"portal\.public_url: write a web address"),
        ("[radius]\nworkers = 400\n", r"radius\.workers: Input should be less than or equal to 33"),
        ("x = \n", r"not valid TOML"),
    ],
)
def test_a_wrong_setting_is_one_line_naming_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        load_settings(_toml(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert "netbilld.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("NETBILLD_RADUIS__AUTH_PORT", "1", "NETBILLD_RADUIS__AUTH_PORT: unknown setting"),
        ("NETBILLD_RADIUS__AUTHPORT", "1", "NETBILLD_RADIUS__AUTHPORT: unknown setting"),
        ("NETBILLD_PANEL__PORT", "many", "NETBILLD_PANEL__PORT: Input should be a valid integer"),
    ],
)
def test_a_wrong_environment_name_or_value_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError, match=message):
        load_settings()


def test_a_database_password_shows_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETBILLD_DATABASE_URL", "postgresql+asyncpg://netbilld:hunter2@db/netbilld")
    settings = load_settings()
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)
    assert "hunter2" in settings.resolved_database_url


def test_a_credential_named_like_the_key_file_replaces_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret_key_file").write_text("00" * 32)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert load_settings().resolved_key_file == tmp_path / "secret_key_file"


def _keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= _keys(kind, f"{prefix}{name}.")
        else:
            found.add(prefix + name)
    return found


def test_the_example_file_names_every_setting_and_only_those(tmp_path: Path) -> None:
    uncommented = "\n".join(
        line.removeprefix("#") if line.startswith("#") and "=" in line and not line.startswith("# ") else line
        for line in EXAMPLE.read_text().splitlines()
    )
    values = tomllib.loads(uncommented)
    flat = {
        f"{key}.{inner}" if isinstance(value, dict) else key
        for key, value in values.items()
        for inner in (value if isinstance(value, dict) else [""])
    }
    assert flat == _keys(Settings)
    load_settings(_toml(tmp_path, uncommented))
