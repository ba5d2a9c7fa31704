"""What is retained at an MQTT broker.

Revision: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mqtt_retained",
        sa.Column("topic", sa.String(300), nullable=False),
        sa.Column("service_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("topic", name="pk_mqtt_retained"),
    )
    op.create_index("ix_mqtt_retained_service_id", "mqtt_retained", ["service_id"])
