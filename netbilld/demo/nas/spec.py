"""What a simulated NAS is told to be, as values that a JSON file can hold."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from netbilld.model.errors import InvalidInputError

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Method = Literal["pap", "chap", "mschapv2", "mac"]
ProfileName = Literal["idle", "browsing", "streaming", "downloader", "gamer", "uploader", "steady"]
LOOPBACK = IPv4Address("127.0.0.1")
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a home wants of its line. The two rates fix a `steady` profile and cap every other."""

    profile: ProfileName = "browsing"
    upload_bps: Annotated[int, Field(ge=0)] | None = None
    download_bps: Annotated[int, Field(ge=0)] | None = None

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberSpec:
    """One subscriber's device. Method `mac` is a hotspot device that has its MAC for a name and no password."""

    username: str
    password: str = field(default="", repr=False)
    method: Method = "pap"
    mac: str = "02:00:00:00:00:01"
    service: Literal["pppoe", "hotspot"] = "pppoe"
    demand: Demand = Demand()
    redial_seconds: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]] = (2.0, 6.0)

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class NasSpec:
    """One router: where it stands, how it speaks RADIUS, and whose devices hang on it.

    Attributes:
        bind_address: its own loopback address, by which the server finds its secret.
        coa_port: 0 takes a free one.
        coa_sources: who may send orders; empty means the RADIUS server alone.
        pools: address ranges by pool name; inside 127.0.0.0/8, so that a phone can really come from there.
        walled_lists: address lists whose members get only a trickle.
        interim_seconds: the router's own interim interval, 0 for none; an Access-Accept overrides it.
        interim_override_seconds: beats both; an operator's setting, and the way to a short demonstration.
        coa_timeout_counts_from: whether Session-Timeout in a CoA-Request counts from now or from the session's start.
        accounting_on: send Accounting-On after a boot; RouterOS does not.
    """

    bind_address: IPv4Address
    secret: str = field(repr=False)
    name: str = "MikroTik"
    server_address: IPv4Address = LOOPBACK
    auth_port: Port = 1812
    acct_port: Port = 1813
    coa_port: Port = 3799
    coa_sources: tuple[IPv4Address, ...] = ()
    pools: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"default": ("127.64.0.0/16",), "isolir": ("127.65.0.0/16",)}
    )
    default_pool: str = "default"
    walled_lists: tuple[str, ...] = ("isolir",)
    timeout_seconds: Seconds = 1.1
    transmissions: Annotated[int, Field(ge=1, le=10)] = 3
    interim_seconds: Annotated[float, Field(ge=0)] = 300.0
    interim_override_seconds: Seconds | None = None
    send_message_authenticator: bool = True
    require_message_authenticator: bool = True
    coa_timeout_counts_from: Literal["now", "start"] = "now"
    accounting_on: bool = False
    pppoe_service: str = "service1"
    interface: str = "vlan100"
    tick_milliseconds: Annotated[int, Field(ge=10, le=60_000)] = 1_000
    boot_digit: Annotated[int, Field(ge=0, le=15)] = 1
    seed: int = 1
    subscribers: tuple[SubscriberSpec, ...] = ()

    __pydantic_config__ = _STRICT


_SPEC = TypeAdapter(NasSpec)
_DEMAND = TypeAdapter(Demand)


def load_spec(path: Path) -> NasSpec:
    """Return the spec in a JSON file.

    Raises:
        InvalidInputError: the file can't be read, or a key or value is not allowed.
    """
    try:
        return _SPEC.validate_json(path.read_bytes())
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        raise InvalidInputError(f"{path}: {_first_fault(error)}") from None


def dump_spec(spec: NasSpec) -> bytes:
    """Return the spec as JSON. It holds secrets: keep the file to yourself."""
    return _SPEC.dump_json(spec, indent=2)


def read_demand(value: object) -> Demand:
    """Return the demand a control command names.

    Raises:
        InvalidInputError: a key or value is not allowed.
    """
    try:
        return _DEMAND.validate_python(value)
    except ValidationError as error:
        raise InvalidInputError(f"demand: {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
