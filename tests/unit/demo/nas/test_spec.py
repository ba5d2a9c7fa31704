import json
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from netbilld.demo.nas.misbehaviour import Misbehaviour
from netbilld.demo.nas.spec import Demand, NasSpec, SubscriberSpec, dump_spec, load_spec, read_demand
from netbilld.model.errors import InvalidInputError


def test_a_spec_survives_its_json_file(tmp_path: Path) -> None:
    spec = NasSpec(
        bind_address=IPv4Address("127.0.0.9"),
        secret="sixteen-octets-!",
        subscribers=(
            SubscriberSpec(username="a", password="b", demand=Demand(profile="steady", download_bps=5)),
            SubscriberSpec(username="02:00:00:00:00:02", method="mac", service="hotspot"),
        ),
    )
    path = tmp_path / "nas.json"
    path.write_bytes(dump_spec(spec))
    assert load_spec(path) == spec


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"secrt": "x"}, "secrt"),
        ({"auth_port": 70_000}, "auth_port"),
        ({"subscribers": [{"username": "a", "method": "eap"}]}, "subscribers.0.method"),
        ({"bind_address": "nas-1"}, "bind_address"),
    ],
)
def test_a_wrong_key_or_value_is_named(tmp_path: Path, change: dict[str, object], named: str) -> None:
    path = tmp_path / "nas.json"
    path.write_text(json.dumps({"bind_address": "127.0.0.9", "secret": "s"} | change))
    with pytest.raises(InvalidInputError, match=named):
        load_spec(path)
    with pytest.raises(InvalidInputError, match="No such file"):
        load_spec(tmp_path / "gone.json")


def test_no_secret_shows_in_a_repr() -> None:
    subscriber = SubscriberSpec(username="a", password="rahasia")
    shown = repr(NasSpec(bind_address=IPv4Address("127.0.0.9"), secret="rahasia", subscribers=(subscriber,)))
    assert "rahasia" not in shown


def test_a_demand_is_checked() -> None:
    assert read_demand({"profile": "idle"}) == Demand(profile="idle")
    with pytest.raises(InvalidInputError, match="profile"):
        read_demand({"profile": "torrent"})


def test_faults_are_set_together_or_not_at_all() -> None:
    faults = Misbehaviour()
    faults.update({"silent_orders": 2, "drop_replies_percent": 10})
    assert (faults.silent_orders, faults.drop_replies_percent) == (2, 10.0)
    wrongs: list[dict[str, object]] = [
        {"silent_orders": -1},
        {"drop_replies_percent": 101},
        {"silent_orders": True},
        {"what": 1},
    ]
    for wrong in wrongs:
        with pytest.raises(InvalidInputError):
            faults.update({"nak_orders": 7, **wrong})
    assert faults.nak_orders == 0
    assert [faults.take("silent_orders") for _ in range(3)] == [True, True, False]
