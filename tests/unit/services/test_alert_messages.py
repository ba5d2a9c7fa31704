"""An alert over MQTT, held against its schema."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from netbilld.services.mqtt_messages import alert_document, encode
from netbilld.services.raise_alerts import AlertKind
from tests.mqtt_schemas import check

NOW = datetime(2026, 3, 10, 3, tzinfo=UTC)


@pytest.mark.parametrize("kind", AlertKind)
@pytest.mark.parametrize("service_id", [UUID(int=7), None])
def test_an_alert_of_enforcement_says_whose_it_is(kind: AlertKind, service_id: UUID | None) -> None:
    document = alert_document("n1", kind.value, "why", NOW, raised=True, service_id=service_id, nas_id=UUID(int=8))
    assert document["nas_id"] == UUID(int=8)
    check("netbilld/alert", encode(document))
