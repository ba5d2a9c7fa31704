"""Where the broker is, and what topics may be made of."""

import pytest

from netbilld.adapters.mqtt.address import BrokerAddress, broker_address
from netbilld.daemon.settings import Settings, load_settings
from netbilld.model.errors import InvalidInputError
from netbilld.services.mqtt_topics import Topics, node_word, topic_prefix


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://broker", BrokerAddress("broker", 1883, has_tls=False)),
        ("mqtts://broker/", BrokerAddress("broker", 8883, has_tls=True)),
        ("mqtt://u:p%40%2F@192.0.2.1:1884", BrokerAddress("192.0.2.1", 1884, False, "u", "p@/")),
        ("mqtt://u@[2001:db8::1]", BrokerAddress("2001:db8::1", 1883, False, "u")),
    ],
)
def test_a_url_says_where_the_broker_is_and_who_we_are_there(url: str, address: BrokerAddress) -> None:
    assert broker_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "broker",
        "http://u:hunter2@broker",
        "mqtt://",
        "mqtt://u:hunter2@b:99999",
        "mqtt://:hunter2@b",
        "mqtt://b/topic",
    ],
)
def test_what_is_no_url_of_a_broker_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        broker_address(url)
    assert "hunter2" not in str(refusal.value)
    assert "mqtt://" in str(refusal.value)


def test_the_password_is_in_no_text_of_the_address() -> None:
    address = broker_address("mqtts://u:hunter2@[::1]:8884")
    assert str(address) == "mqtts://[::1]:8884"
    assert "hunter2" not in repr(address)


@pytest.mark.parametrize("word", ["off", ""])
def test_mqtt_is_off_by_default_and_by_a_word(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().mqtt.url is None
    monkeypatch.setenv("NETBILLD_MQTT__URL", word)
    assert load_settings().mqtt.url is None


def test_a_wrong_url_in_the_settings_is_one_line_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETBILLD_MQTT__URL", "mqtt://u:hunter2@broker:port")
    with pytest.raises(InvalidInputError) as refusal:
        load_settings()
    assert "NETBILLD_MQTT__URL" in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("prefix", ["", "/isp", "isp/", "a//b", "isp/#", "+", "$SYS", "with space", "x" * 101, "a\nb"])
def test_a_prefix_that_no_topic_can_begin_with_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidInputError):
        topic_prefix(prefix)


def test_a_meters_topic_is_one_level_below_meter() -> None:
    topics = Topics(topic_prefix("isp/jogja"), node_word("pop 1/#+é"))
    assert topics.node_status == "isp/jogja/node/pop-1/status"
    assert node_word("///") == "node"
    assert topics.meter_key("isp/jogja/meter/kiosk-7") == "kiosk-7"
    for other in ("isp/jogja/meter/", "isp/jogja/meter/a/status", "isp/jogja/nas/x", "other/meter/a", "meter/a"):
        assert topics.meter_key(other) is None
