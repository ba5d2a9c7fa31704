"""The topics of docs/mqtt.md, below one prefix; only ids of ours are in them, never a name that somebody has chosen."""

import re
from typing import Final
from uuid import UUID

from netbilld.model.errors import InvalidInputError

_NODE: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_PREFIX: Final = 100


def topic_prefix(prefix: str) -> str:
    """Return a prefix of topics as it may be used.

    Raises:
        InvalidInputError: it has a wildcard, an empty level, or begins with $ (MQTT 5.0 §4.7).
    """
    if (
        not prefix
        or len(prefix) > _LONGEST_PREFIX
        or not prefix.isprintable()
        or any(sign in prefix for sign in "+# ")
        or prefix.startswith("$")
        or "" in prefix.split("/")
    ):
        raise InvalidInputError("write words with / between them, such as netbilld or isp/jogja; no +, # or space")
    return prefix


def node_word(name: str) -> str:
    """Return a node's name as one level of a topic."""
    return _NODE.sub("-", name).strip("-") or "node"


class Topics:
    """Where what is published."""

    def __init__(self, prefix: str, node: str, home_assistant_prefix: str | None = None) -> None:
        """Take checked prefixes, and the name of this node as one level."""
        self.prefix: Final = prefix
        self.node: Final = node
        self._home_assistant = home_assistant_prefix

    @property
    def node_status(self) -> str:
        """`online`, and by the last will `offline`; retained."""
        return f"{self.prefix}/node/{self.node}/status"

    @property
    def node_health(self) -> str:
        return f"{self.prefix}/node/{self.node}/health"

    @property
    def alert(self) -> str:
        return f"{self.prefix}/alert"

    def service(self, service_id: UUID, what: str) -> str:
        """`state` and `usage` are retained, `event` is not."""
        return f"{self.prefix}/service/{service_id}/{what}"

    def session(self, service_id: UUID, session_id: int) -> str:
        return f"{self.prefix}/service/{service_id}/session/{session_id}"

    def nas(self, nas_id: UUID, what: str) -> str:
        return f"{self.prefix}/nas/{nas_id}/{what}"

    @property
    def meters(self) -> str:
        """What to subscribe to for readings."""
        return f"{self.prefix}/meter/+"

    def meter_key(self, topic: str) -> str | None:
        """Return the key of a meter whose reading came in on this topic; None where it is another topic."""
        before = f"{self.prefix}/meter/"
        key = topic.removeprefix(before)
        return key if key != topic and key and "/" not in key else None

    def meter_status(self, key: str) -> str:
        return f"{self.prefix}/meter/{key}/status"

    def home_assistant(self, service_id: UUID) -> str | None:
        """Return the discovery topic of a service's device; None where there is to be none."""
        if self._home_assistant is None:
            return None
        return f"{self._home_assistant}/device/netbilld_{service_id.hex}/config"
