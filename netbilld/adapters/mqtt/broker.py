"""A connection to the broker: it publishes with QoS 1 and hands over what comes in."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from netbilld.adapters.mqtt.address import BrokerAddress
from netbilld.model.errors import BrokerAwayError, InvalidInputError
from netbilld.ports.broker import Incoming, Message

ANSWER_SECONDS: Final = 10.0  # a broker that is silent for longer counts as away
CONNECT_SECONDS: Final = 5.0  # for TCP, and as much again for TLS
CLOSE_SECONDS: Final = 2.0  # so long may a broker take to see us off
KEEPALIVE_SECONDS: Final = 30
# MQTT 5.0 §3.3.4: a broker may take so few messages at once that it has not acknowledged; Mosquitto's is 20.
UNDER_WAY: Final = 20
MAX_WAITING: Final = 2_000  # messages that came in and were not looked at; further ones are lost
LARGEST_OCTETS: Final = 256 * 1024  # what the broker may send us in one packet (MQTT 5.0 §3.1.2.11.4)
_REFUSED: Final = frozenset((4, 5, 134, 135))  # MQTT 3.1.1 §3.2.2.3, MQTT 5.0 §3.2.2.2
_BAD_VERSION: Final = frozenset((1, 132))
_TAKEN_OVER: Final = 142  # MQTT 5.0 §3.14.2.1; a broker need not say it
_HUNG_UP: Final = 128  # what the library has for a connection that just ended
_logger = logging.getLogger("netbilld.mqtt.connection")
_logger.setLevel(logging.CRITICAL)  # what it has to say is said by us, once


class _Client(aiomqtt.Client):
    """The library's client, whose socket we can let go of whatever state it is in."""

    def set_connect_timeout(self, seconds: float) -> None:
        self._client.connect_timeout = seconds

    def drop(self) -> None:
        """Close the socket; the library leaves it open where the broker took the connection and said nothing."""
        connection = self._client.socket()
        if connection is None:
            return
        with suppress(ValueError, OSError):
            self._loop.remove_reader(connection.fileno())
            self._loop.remove_writer(connection.fileno())
        if self._misc_task is not None:
            self._misc_task.cancel()
        with suppress(OSError):
            connection.close()


class Broker:
    """Connects to one broker.

    Args:
        address: where it is.
        client_id: by which it knows us; a second connection by the same one ends the first.
        will: what the broker publishes when we are gone without having said so.
        version: 5 or 3.1.1.
        ca: whose certificates are believed; None for those the system believes.
        certificate, key: our own, where the broker asks for one.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        will: Message | None = None,
        *,
        version: str = "5",
        ca: Path | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        self.address = address
        self.client_id = client_id
        self._will = will
        self._version = version
        self._ca = ca
        self._certificate = certificate
        self._key = key

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["BrokerLink"]:
        """Be connected for the length of the block.

        Raises:
            BrokerAwayError: it can't be reached, refuses us or says nothing; in one line.
        """
        client = self._client()
        try:
            await client.__aenter__()
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            client.drop()
            raise BrokerAwayError(f"{self.address}: {_words(error, self._version)}") from None
        except BaseException:
            client.drop()
            raise
        try:
            yield BrokerLink(client, self.address)
        finally:
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await client.__aexit__(None, None, None)
            except (aiomqtt.MqttError, OSError, ValueError, TimeoutError):
                pass
            finally:
                client.drop()

    def _client(self) -> _Client:
        is_5 = self._version == "5"
        properties = None
        if is_5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = LARGEST_OCTETS
        will = None
        if self._will is not None:
            will = aiomqtt.Will(self._will.topic, self._will.payload, 1, self._will.retain)
        client = _Client(
            self.address.host,
            self.address.port,
            username=self.address.username,
            password=self.address.password,
            identifier=self.client_id,
            protocol=aiomqtt.ProtocolVersion.V5 if is_5 else aiomqtt.ProtocolVersion.V311,
            clean_session=None if is_5 else True,
            properties=properties,
            will=will,
            timeout=ANSWER_SECONDS,
            keepalive=KEEPALIVE_SECONDS,
            max_queued_incoming_messages=MAX_WAITING,
            max_inflight_messages=UNDER_WAY,
            tls_context=self._tls() if self.address.has_tls else None,
            logger=_logger,
        )
        client.pending_calls_threshold = UNDER_WAY + 5
        client.set_connect_timeout(CONNECT_SECONDS)
        return client

    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=str(self._ca) if self._ca is not None else None)
            if self._certificate is not None:
                context.load_cert_chain(self._certificate, self._key)
        except (OSError, ssl.SSLError) as error:
            raise BrokerAwayError(f"mqtt.ca, mqtt.certificate or mqtt.key can't be used: {error}") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def _words(error: Exception, version: str = "") -> str:
    """Return why in words that say what to do."""
    if isinstance(error.__cause__, aiomqtt.MqttCodeError):  # what the broker said when it hung up
        error = error.__cause__
    if isinstance(error, aiomqtt.MqttCodeError):
        number = error.rc.value if isinstance(error.rc, ReasonCode) else error.rc
        if number in _REFUSED:
            return "it refuses the user name or password in mqtt.url"
        if number in _BAD_VERSION and version:
            return f"it does not speak MQTT {version}; set mqtt.version"
        if number == _TAKEN_OVER:
            return "somebody else has connected by our client id; each node needs an mqtt.client_id of its own"
        if number == _HUNG_UP:
            return "it has hung up; if again and again, see that nobody else has our mqtt.client_id"
    said = str(error) or type(error).__name__
    return "it does not answer" if "timed out" in said else said


class BrokerLink:
    """An open connection."""

    def __init__(self, client: _Client, address: BrokerAddress) -> None:
        self._client = client
        self._address = address

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish with QoS 1 and return when the broker has acknowledged them all.

        Raises:
            BrokerAwayError: it has not; which of them it has taken is not known.
        """
        for start in range(0, len(messages), UNDER_WAY):
            part = messages[start : start + UNDER_WAY]
            ended = await asyncio.gather(*(self._publish(message) for message in part), return_exceptions=True)
            for end in ended:
                if isinstance(end, BaseException):
                    raise end

    async def _publish(self, message: Message) -> None:
        try:
            await self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
        except (aiomqtt.MqttError, OSError, RuntimeError) as error:
            raise BrokerAwayError(f"{self._address}: {_words(error)}") from None
        except ValueError as error:  # no topic by its rules
            raise InvalidInputError(f"{message.topic!r} is no topic: {error}") from None

    async def subscribe(self, topic: str) -> None:
        """Have what is published there from now on come in, and what is retained there.

        Raises:
            BrokerAwayError: it does not answer, or its access list forbids it.
        """
        try:
            granted = await self._client.subscribe(topic, qos=1)
        except (aiomqtt.MqttError, OSError) as error:
            raise BrokerAwayError(f"{self._address}: {_words(error)}") from None
        for one in granted:
            if (one.value if isinstance(one, ReasonCode) else one) >= 0x80:
                raise BrokerAwayError(f"{self._address}: it does not let us subscribe to {topic}")

    async def incoming(self) -> AsyncIterator[Incoming]:
        """Yield what comes in, until the connection is lost.

        Raises:
            BrokerAwayError: it is lost.
        """
        try:
            async for message in self._client.messages:
                yield Incoming(str(message.topic), message.payload, is_retained=bool(message.retain))
        except (aiomqtt.MqttError, OSError) as error:
            raise BrokerAwayError(f"{self._address}: {_words(error)}") from None
