"""What is retained at an MQTT broker."""

from sqlalchemy import Column, String, Table, Uuid

from netbilld.adapters.database.tables.base import metadata

mqtt_retained = Table(  # so that it is cleared when what it tells of is over, also after a restart
    "mqtt_retained",
    metadata,
    Column("topic", String(300), primary_key=True),
    Column("service_id", Uuid, nullable=False, index=True),
)
