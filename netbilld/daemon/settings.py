"""Settings: environment over systemd credentials over a TOML file over the defaults; frozen, and strict about names."""

import json
import os
import socket
import tomllib
from datetime import date, time
from fractions import Fraction
from ipaddress import ip_address, ip_network
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from netbilld.adapters.mqtt.address import broker_address
from netbilld.billing.numbering import DEFAULT, NumberFormat, Numbering
from netbilld.daemon.dunning_settings import DunningSettings, MessageSettings, SmtpSettings, or_off
from netbilld.daemon.gateway_settings import GatewaySettings, static_qris
from netbilld.daemon.messenger_settings import MessengerSettings
from netbilld.daemon.roles import EVERYTHING, Role
from netbilld.model.errors import InvalidInputError
from netbilld.model.permissions import Role as StaffRole
from netbilld.model.units import currency_exponent, parse_rate_bps
from netbilld.services.mqtt_topics import topic_prefix

Port = Annotated[int, Field(ge=1, le=65535)]
ENVIRONMENT_PREFIX = "NETBILLD_"


def _hosts(value: object) -> object:
    """Take a list as TOML has it, or as text: with commas, or as JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a list; write addresses with commas between them") from None
    return tuple(part.strip() for part in value.split(","))


def _prefixes(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ip_network(value, strict=False)
        except ValueError:
            raise ValueError(f"{value!r} is no address; write 10.0.0.1 or 10.0.0.0/24") from None
    return values


def _addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ip_address(value)
        except ValueError:
            raise ValueError(f"{value!r} is no address; write one of this host's, 0.0.0.0 or ::") from None
    return values


def _port_or_off(value: object) -> object:
    """Take a port, or a word for none."""
    return None if value is False or value in {"off", ""} else value


def _serials(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            int(value, 16)
        except ValueError:
            raise ValueError(f"{value!r} is no serial number; write its hexadecimal digits") from None
    return values


def _switch(value: object) -> object:
    """Take TOML's true and false, and any case of the words."""
    return str(value).lower() if isinstance(value, bool | str) else value


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"time zone {name!r} is not known, write for example Asia/Jakarta") from None
    return name


def _known_currency(code: str) -> str:
    try:
        currency_exponent(code)
    except InvalidInputError as error:
        raise ValueError(str(error)) from None
    return code


def _rate(value: object) -> object:
    if not isinstance(value, str | int):
        return value
    try:
        return parse_rate_bps(value)
    except InvalidInputError as error:
        raise ValueError(str(error)) from None


def _web_address(url: str) -> str:
    """Return a web address without a slash at its end; subscribers are sent there."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("write a web address such as https://portal.example.net")
    return url.rstrip("/")


def _nas_word(name: str) -> str:
    """Return a name of something on a NAS: it must fit into an attribute, and be there under that very name."""
    if not name or name != name.strip() or not name.isprintable() or len(name.encode()) > 200:
        raise ValueError("write 1 to 200 printable characters")
    return name


def _broker_or_off(value: object) -> object:
    """Take a URL, or a word for none."""
    return None if value is False or value in {"off", ""} else value


def _broker(url: SecretStr | None) -> SecretStr | None:
    if url is not None:
        try:
            broker_address(url.get_secret_value())
        except InvalidInputError as error:
            raise ValueError(str(error)) from None
    return url


def _topic(prefix: str) -> str:
    try:
        return topic_prefix(prefix)
    except InvalidInputError as error:
        raise ValueError(str(error)) from None


def _fraction(value: object) -> object:
    """Take 11/12, as text; and numbers as they are written."""
    try:
        return Fraction(str(value)) if isinstance(value, str | int | float) else value
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{value!r} is no fraction; write for example 11/12") from None


def _number_format(text: str) -> str:
    try:
        return NumberFormat(text).text
    except InvalidInputError as error:
        raise ValueError(str(error)) from None


def _percent(value: object) -> object:
    """Take 12 or "12.5" for so many hundredths."""
    fraction = _fraction(value)
    if isinstance(fraction, Fraction):
        if not 0 <= fraction < 100:
            raise ValueError("write percent, from 0 to below 100")
        return fraction / 100
    return value


def _written_locale(name: str) -> str:
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - only who sets one waits for it

    try:
        return str(Locale.parse(name))
    except (ValueError, UnknownLocaleError):
        raise ValueError(f"locale {name!r} is not known, write for example id, en or ms_MY") from None


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RadiusSettings(_Section):
    host: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_hosts), AfterValidator(_addresses), Field(min_length=1)
    ] = ("0.0.0.0",)  # noqa: S104 - every NAS must reach it
    auth_port: Port = 1812
    acct_port: Port = 1813
    radsec_port: Annotated[Port | None, BeforeValidator(_port_or_off)] = None  # TCP; 2083 where it is on
    radsec_connections: Annotated[int, Field(ge=1, le=10_000)] = 512
    radsec_idle_seconds: Annotated[int, Field(ge=10, le=604_800)] = 3600
    workers: Annotated[int, Field(ge=1, le=33)] = 1  # above 1, all but one of them answer authentication
    require_message_authenticator: Annotated[Literal["auto", "true", "false"], BeforeValidator(_switch)] = "auto"
    interim_interval: Annotated[int, Field(ge=1, le=86_400)] = 300
    interim_near_limit: Annotated[int, Field(ge=60, le=86_400)] = 60  # for who logs in with little left
    realms: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts)] = ("*",)  # taken off a name nobody has
    reject_delay: Annotated[float, Field(ge=0, le=5)] = 0.5  # seconds; for those who guess passwords
    dictionary: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_hosts)] = ()  # files of your own, to name more


class CertificateSettings(_Section):
    names: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts)] = ()  # who the server certificate must be for


class EapSettings(_Section):
    methods: Annotated[
        tuple[Literal["peap", "ttls", "tls", "md5"], ...], NoDecode, BeforeValidator(_hosts), Field(min_length=1)
    ] = ("peap", "ttls", "tls", "md5")  # offered in this order; all but md5 need a certificate
    tls_min: Literal["1.2", "1.3"] = "1.2"
    certificate: Path | None = None  # None is certs/server.pem in data_dir
    key: Path | None = None  # None is certs/server.key
    ca: Path | None = None  # whose client certificates EAP-TLS believes; None is certs/ca.pem
    revoked: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts), AfterValidator(_serials)] = ()
    resume_minutes: Annotated[int, Field(ge=0, le=7 * 24 * 60)] = 480  # 0 asks for the password every time
    max_conversations: Annotated[int, Field(ge=10, le=20_000)] = 2_000  # at once; some 45 kB each


class PanelSettings(_Section):
    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: Annotated[str, AfterValidator(_web_address)] | None = None  # as staff type it; passkeys are made for it
    session_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 12
    # who must have a second factor before anything else
    totp_roles: Annotated[frozenset[StaffRole], NoDecode, BeforeValidator(_hosts)] = frozenset()
    # panel and portal in a process of their own, so that no page makes a log-in wait; unset: with a database server
    own_process: bool | None = None
    single_login: bool = False  # a new log-in ends the person's others, so that an account can't be shared


class WebhookSettings(_Section):
    allow_private: bool = False  # let events go to addresses inside this network
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 30  # of what was delivered or given up


class PortalSettings(_Section):
    host: str = "0.0.0.0"  # noqa: S104 - subscribers come from outside
    port: Port = 8081
    public_url: Annotated[str, AfterValidator(_web_address)] | None = None
    plan_change: Literal["any", "upgrade", "none"] = "any"  # by subscribers themselves; upgrade: that cost more
    plans: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts)] = ()  # codes to choose from; none: all on sale
    plan_change_days: Annotated[int, Field(ge=0, le=3650)] = 30  # between two changes of their own
    pause_days: Annotated[int, Field(ge=0, le=365)] = 30  # the longest break (cuti) they take themselves; 0: none
    pauses_a_year: Annotated[int, Field(ge=0, le=100)] = 2
    top_up: bool = True  # they buy top-ups of their plan
    password_change: bool = True  # they change the password of their line
    hotspot_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts)] = ()  # DNS names of hotspots
    # where the provider is really reached, such as "WhatsApp 0812-0000-0000"; shown so that others are known as false
    channels: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts)] = ()
    tls_cert: Path | None = None  # PEM with its chain; then tls_port speaks TLS beside the plain port
    tls_key: Path | None = None
    tls_port: Port = 8443
    captive_status: Literal[302, 511] = 302  # what other hosts' requests are answered with; 511 is RFC 6585

    @model_validator(mode="after")
    def _has_both_files(self) -> "PortalSettings":
        if (self.tls_cert is None) is not (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together: set both, or none")
        return self


class BillingSettings(_Section):
    due_days: Annotated[int, Field(ge=0, le=365)] = 10
    grace_days: Annotated[int, Field(ge=0, le=365)] = 0
    isolir_at: time = time(0, 30)
    tolerance: Annotated[int, Field(ge=0)] = 1000  # minor units; what is overdue below it leads to nothing
    run_at: time = time(0, 5)
    absurd_minor: Annotated[int, Field(ge=1)] = 100_000_000  # a larger bill waits for a person
    close_after_days: Annotated[Annotated[int, Field(ge=1, le=365)] | None, BeforeValidator(or_off)] = (
        None  # of a month, whose books are then closed by themselves if they hold; None leaves it to people
    )
    number_format: Annotated[str, AfterValidator(_number_format)] = DEFAULT.invoice.text
    credit_note_format: Annotated[str, AfterValidator(_number_format)] = DEFAULT.credit_note.text

    @model_validator(mode="after")
    def _tells_documents_apart(self) -> "BillingSettings":
        try:
            self.numbering()
        except InvalidInputError as error:
            raise ValueError(str(error)) from None
        return self

    def numbering(self) -> Numbering:
        """Return how documents are numbered."""
        return Numbering(NumberFormat(self.number_format), NumberFormat(self.credit_note_format))


class PaymentSettings(_Section):
    plausible: Annotated[int, Field(ge=0, le=10**12)] = 1_000_000  # minor units; up to that nobody is asked
    plausible_times: Annotated[int, Field(ge=1, le=1000)] = 6  # what a subscriber owes, was invoiced or ever paid
    code_days: Annotated[int, Field(ge=1, le=365)] = 7  # a unique amount is one invoice's for so long
    auto_match: Literal["off", "code", "sure"] = "code"  # which rows of a bank statement need nobody's word
    # the provider's own static QRIS code, shown with the amount of a bill; some acquirers forbid that
    qris: Annotated[str, AfterValidator(static_qris)] | None = None


class TaxRuleSettings(_Section):
    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "ppn"
    valid_from: date
    rate: Annotated[Fraction, BeforeValidator(_percent)]  # in percent: 12
    base: Annotated[Fraction, BeforeValidator(_fraction), Field(gt=0, le=1)] = Fraction(1)  # "11/12"
    trx_code: Annotated[str, Field(pattern=r"^(0[1-9]|10)$")] = "01"


class StampDutyRuleSettings(_Section):
    valid_from: date
    duty: Annotated[int, Field(ge=0, le=10**9)]  # minor units
    above: Annotated[int, Field(ge=0, le=10**12)]


class LevyRateSettings(_Section):
    from_year: Annotated[int, Field(ge=2000, le=2200)]
    bhp: Annotated[Fraction, BeforeValidator(_percent)]  # in percent of the base: 0.5
    uso: Annotated[Fraction, BeforeValidator(_percent)]


class TaxSettings(_Section):
    is_pkp: bool = False  # registered for PPN; one who is not shows none
    rules: tuple[TaxRuleSettings, ...] = ()  # beside the built-in ones; the same code and day replaces one
    tin: Annotated[str, Field(pattern=r"^\d{16}$")] | None = None  # the provider's NPWP
    branch: Annotated[str, Field(pattern=r"^\d{6}$")] = "000000"
    faktur: Literal["none", "retail", "full"] = "full"  # for buyers of whom nothing else was said
    pph23: Annotated[Fraction, BeforeValidator(_percent)] = Fraction(2, 100)  # in percent of the net price
    stamp_duty: Literal["flag", "line"] = "flag"  # line: charged on the invoice as well
    stamp_duty_rules: tuple[StampDutyRuleSettings, ...] = ()
    levy_rates: tuple[LevyRateSettings, ...] = ()
    other_revenue: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts)] = (
        "installation",
        "rental",
        "device",
        "late_fee",
        "late_fees",
    )  # words of revenue accounts that are no telecom service
    coretax_decimals: Literal[0, 2] = 0
    coretax_nik: Literal["document", "tin"] = "document"  # where a person's NIK stands
    coretax_doc_month: bool = True  # CustomDocMonthYear, of the newer template


class BrandSettings(_Section):
    area: Annotated[str, Field(min_length=1, max_length=100)]  # and every area below it
    name: Annotated[str, Field(min_length=1, max_length=100)]
    address: str = ""
    logo: Path | None = None


class DocumentSettings(_Section):
    address: str = ""  # the provider's, on documents; lines as written
    contact: str = ""  # phone, e-mail
    pay_to: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_hosts)
    ] = ()  # such as "BCA 1234567890 a.n. PT Contoh"
    footer: str = ""
    logo: Path | None = None  # PNG or JPEG
    font: Path | None = None  # TrueType, for text that Latin-1 has no letters for
    font_bold: Path | None = None
    locale: Annotated[str, AfterValidator(_written_locale)] | None = None  # None: the subscriber's, else the provider's
    words: Path | None = None  # TOML with the words of another language
    brands: tuple[BrandSettings, ...] = ()  # resellers, by area
    workers: Annotated[int, Field(ge=1, le=64)] = 2  # processes that draw many documents
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 30  # that a drawn PDF is kept; it is drawn again at need


class EnforcementSettings(_Section):
    walled_pool: Annotated[str, AfterValidator(_nas_word)] = "isolir"
    walled_list: Annotated[str, AfterValidator(_nas_word)] = "isolir"
    walled_down: Annotated[int, BeforeValidator(_rate)] = 256_000
    walled_up: Annotated[int, BeforeValidator(_rate)] = 256_000
    walled_vlan: Annotated[int, Field(ge=1, le=4094)] | None = None  # for access points that wall by VLAN
    walled_ipv6: bool = False  # the garden filters IPv6 too, so a walled subscriber keeps its prefixes
    blocked_list: Annotated[str, AfterValidator(_nas_word)] = "blocked"  # of static subscribers who get nothing
    static_seconds: Annotated[int, Field(ge=5, le=3600)] = 60  # from one look at a router's static lines to the next
    static_per_second: Annotated[float, Field(ge=0.1, le=10_000)] = 20.0  # changes for them on one router
    reconcile_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    coa_timeout_seconds: Annotated[float, Field(ge=0.2, le=30)] = 2.0
    coa_tries: Annotated[int, Field(ge=1, le=10)] = 3
    retry_seconds: Annotated[float, Field(ge=0.2, le=3600)] = 5.0
    retry_max_seconds: Annotated[float, Field(ge=1, le=86_400)] = 300.0
    coa_per_second: Annotated[int, Field(ge=0, le=10_000)] = 10  # to one NAS; 0 is no limit
    disconnects_per_second: Annotated[int, Field(ge=0, le=10_000)] = 3
    compare_minutes: Annotated[int, Field(ge=1, le=1440)] = 10  # from one comparison of a router to the next
    list_minutes: Annotated[int, Field(ge=1, le=1440)] = 30  # that an entry in a list lives unless renewed by them
    alert_seconds: Annotated[float, Field(ge=5, le=86_400)] = 60.0  # due and tried for so long, and not so
    silent_seconds: Annotated[float, Field(ge=1, le=86_400)] = 30.0  # a NAS answers no order for so long
    return_seconds: Annotated[float, Field(ge=5, le=86_400)] = 180.0  # a restored service may stay away for so long
    keep_effects_days: Annotated[int, Field(ge=1, le=3650)] = 90
    keep_orders_days: Annotated[int, Field(ge=7, le=3650)] = 180  # orders of sessions that are over
    brake_percent: Annotated[int, Field(ge=1, le=100)] = (
        20  # of all active services closed for money in an hour; 100 never
    )
    brake_least: Annotated[int, Field(ge=1, le=1_000_000)] = 20  # fewer never wait for a person


class MeteringSettings(_Section):
    commit_milliseconds: Annotated[int, Field(ge=0, le=100)] = 3
    commit_records: Annotated[int, Field(ge=1, le=10_000)] = 256
    segment_megabytes: Annotated[int, Field(ge=1, le=1024)] = 16
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 7  # applied journal segments
    raw_records: bool = False  # keep each record in the database as received, beyond the journal
    keep_records_months: Annotated[int, Field(ge=1, le=600)] = 3
    keep_slices_months: Annotated[int, Field(ge=0, le=600)] = 0  # 0 keeps them for ever
    keep_hours_months: Annotated[int, Field(ge=0, le=600)] = 0  # days and months are kept for ever
    export_dir: Path | None = None  # where what is let go is written to first, as CSV; None lets go of it
    journal_megabytes: Annotated[int, Field(ge=8, le=16_777_216)] = 16_384  # beyond it nothing is acknowledged
    alarm_minutes: Annotated[int, Field(ge=1, le=100_000)] = 15  # age of what the database has not applied
    alarm_megabytes: Annotated[int, Field(ge=1, le=16_777_216)] = 1_024  # and its size
    stale_minutes: Annotated[int, Field(ge=1, le=10_080)] = 15  # least silence before a session counts as stale
    auth_log_rows: Annotated[int, Field(ge=1000)] = 500_000
    edge_seconds: Annotated[float, Field(ge=1, le=300)] = 5.0  # between readings of a session about to use up a limit
    edge_sessions: Annotated[int, Field(ge=0, le=100_000)] = 2_000  # watched so at once; 0 watches none
    api_timeout_seconds: Annotated[float, Field(ge=0.2, le=30)] = 4.0  # for a router's API


def _host_name() -> str:
    return socket.gethostname()[:64] or "node"


class NodeSettings(_Section):
    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(default_factory=_host_name)
    roles: Annotated[frozenset[Role], NoDecode, BeforeValidator(_hosts), Field(min_length=1)] = EVERYTHING


class SnmpSettings(_Section):
    interval: Annotated[int, Field(ge=1, le=3600)] = 60  # seconds from one reading of a device to the next
    sessions_interval: Annotated[int, Field(ge=1, le=3600)] = 300  # of all its interfaces and how it is
    timeout_seconds: Annotated[float, Field(ge=0.2, le=30)] = 2.0  # for one answer; each question is asked twice
    parallel: Annotated[int, Field(ge=1, le=1000)] = 32  # devices asked at once
    differs_percent: Annotated[int, Field(ge=1, le=100)] = 5  # less than that between two meters is how they count
    differs_megabytes: Annotated[int, Field(ge=0, le=1_000_000)] = 100  # an hour with less missing is not worth a word


class AddressSettings(_Section):
    hold_seconds: Annotated[int, Field(ge=10, le=3600)] = 120  # an address given waits so long for its session's Start
    suspect_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 24  # kept for sessions of a NAS that fell silent


class MqttSettings(_Section):
    url: Annotated[SecretStr | None, BeforeValidator(_broker_or_off), AfterValidator(_broker)] = None  # has a password
    prefix: Annotated[str, AfterValidator(_topic)] = "netbilld"
    version: Annotated[Literal["5", "3.1.1"], BeforeValidator(str)] = "5"
    ca: Path | None = None  # whose certificates a broker with TLS may show; None for those the system believes
    certificate: Path | None = None  # our own, where the broker asks for one
    key: Path | None = None
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")] | None = (
        None  # None is netbilld and the node's name
    )
    usage_seconds: Annotated[int, Field(ge=1, le=3600)] = 5  # a service's usage is published at most so often
    messages_per_second: Annotated[int, Field(ge=1, le=10_000)] = 500
    home_assistant_prefix: Annotated[str, AfterValidator(_topic)] | None = None
    meter_fastest: Annotated[int, BeforeValidator(_rate), Field(ge=1000)] = 1_000_000_000  # faster is for a person


class ComplaintSettings(_Section):
    reopen_days: Annotated[int, Field(ge=1, le=90)] = 7  # after it was resolved a subscriber may open it again
    close_after_days: Annotated[int, Field(ge=1, le=90)] = 3  # after it was resolved it is closed by itself
    photo_megabytes: Annotated[int, Field(ge=1, le=12)] = 8  # of one photo, as it comes


class OutageSettings(_Section):
    snapshot_seconds: Annotated[int, Field(ge=5, le=86_400)] = 300  # how old the local snapshot may become
    snapshot_max_hours: Annotated[int, Field(ge=1, le=24 * 365)] = 168  # an older one starts nobody
    trust_minutes: Annotated[int, Field(ge=0, le=10_080)] = 15  # plans that fail closed: how old knowledge may be


class Settings(BaseSettings):
    """Every setting of the contract that this release understands."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    data_dir: Path = Path("var")
    database_url: SecretStr | None = None  # may hold a password; None is SQLite in data_dir
    secret_key_file: Path | None = None
    locale: Literal["id", "en"] = "id"
    timezone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Jakarta"
    currency: Annotated[str, AfterValidator(_known_currency)] = "IDR"
    business_name: str = "netbilld"
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts), AfterValidator(_prefixes)] = ()
    radius: RadiusSettings = RadiusSettings()
    certificates: CertificateSettings = CertificateSettings()
    eap: EapSettings = EapSettings()
    panel: PanelSettings = PanelSettings()
    portal: PortalSettings = PortalSettings()
    billing: BillingSettings = BillingSettings()
    payments: PaymentSettings = PaymentSettings()
    gateways: GatewaySettings = GatewaySettings()
    tax: TaxSettings = TaxSettings()
    documents: DocumentSettings = DocumentSettings()
    enforcement: EnforcementSettings = EnforcementSettings()
    metering: MeteringSettings = MeteringSettings()
    snmp: SnmpSettings = SnmpSettings()
    addresses: AddressSettings = AddressSettings()
    mqtt: MqttSettings = MqttSettings()
    outage: OutageSettings = OutageSettings()
    complaints: ComplaintSettings = ComplaintSettings()
    webhooks: WebhookSettings = WebhookSettings()
    node: NodeSettings = NodeSettings()
    dunning: DunningSettings = DunningSettings()
    messages: MessageSettings = MessageSettings()
    smtp: SmtpSettings = SmtpSettings()
    messengers: MessengerSettings = MessengerSettings()

    @property
    def resolved_database_url(self) -> str:
        """Return the URL of the database in use, with its password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.data_dir.absolute() / 'netbilld.db'}"

    @property
    def resolved_key_file(self) -> Path:
        """Return the key file: as set, else a systemd credential of that name, else in the data directory."""
        if self.secret_key_file is not None:
            return self.secret_key_file
        credentials = os.environ.get("CREDENTIALS_DIRECTORY")
        if credentials and (credential := Path(credentials) / "secret_key_file").exists():
            return credential
        return self.data_dir / "secret.key"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Place the sources in the contract's order; the init arguments are the TOML file's values."""
        del settings_cls, dotenv_settings
        return env_settings, file_secret_settings, init_settings


def load_settings(config: Path | None = None) -> Settings:
    """Return the settings in force.

    Args:
        config: TOML file; None takes `NETBILLD_CONFIG`, and without that there is no file.

    Raises:
        InvalidInputError: one line naming the source, the key, what is wrong and what is allowed.
    """
    if config is None and (named := os.environ.get("NETBILLD_CONFIG")):
        config = Path(named)
    values = _read_toml(config) if config else {}
    _refuse_unknown_environment()
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    try:
        return Settings(_secrets_dir=credentials if credentials and Path(credentials).is_dir() else None, **values)
    except ValidationError as error:
        raise InvalidInputError(_first_problem(error, values, config), code="bad_setting") from None
    except SettingsError as error:
        raise InvalidInputError(f"environment: {error}", code="bad_setting") from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InvalidInputError(f"{path}: no such configuration file", hint="name one with --config") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path}: can't be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"{path}: not valid TOML: {error}") from None


def _refuse_unknown_environment() -> None:
    """pydantic-settings passes over environment names it does not know; a typing error must not pass."""
    known = {"CONFIG", *(name.upper() for name in Settings.model_fields)}
    for name in sorted(os.environ):
        if name.startswith(ENVIRONMENT_PREFIX):
            top = name.removeprefix(ENVIRONMENT_PREFIX).upper().partition("__")[0]
            if top not in known:
                allowed = ", ".join(sorted(field.upper() for field in Settings.model_fields))
                raise InvalidInputError(
                    f"environment {name}: unknown setting; allowed: {ENVIRONMENT_PREFIX}{{{allowed}}}"
                )


def _named(annotation: Any) -> Any:
    """Return the section behind `Section | None`, and what is no such choice as it is."""
    found = [one for one in get_args(annotation) if one is not type(None)]
    return found[0] if isinstance(annotation, UnionType) and len(found) == 1 else annotation


def _first_problem(error: ValidationError, values: dict[str, Any], config: Path | None) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    path = [str(part) for part in problem["loc"]]
    key = ".".join(part for part in path if not part.isdigit())
    variable = ENVIRONMENT_PREFIX + "__".join(part for part in path if not part.isdigit()).upper()
    value: Any = values
    for part in path:
        if isinstance(value, list):
            value = value[int(part)] if part.isdigit() and int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    in_environment = variable in {name.upper() for name in os.environ}
    source = f"environment {variable}" if in_environment or value is None or not config else f"{config}: {key}"
    if problem["type"] == "extra_forbidden":
        section: Any = Settings
        for part in path[:-1]:
            # a list of tables: `tuple[Table, ...]`
            section = get_args(section)[0] if part.isdigit() else _named(section.model_fields[part].annotation)
        allowed = ", ".join(section.model_fields)
        where = f"{config}: {key}" if value is not None and config else source
        return f"{where}: unknown setting; allowed here: {allowed}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{source}: {message}"
