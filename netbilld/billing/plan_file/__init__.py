"""Plan files: TOML as an operator writes it, to the definition that is stored, to a Plan.

The definition is plain JSON in base units (octets, bit/s, minor units), so that a stored version means the same for
ever, whatever the file's grammar becomes.
"""

from netbilld.billing.plan_file.definition import (
    discount_definition,
    discount_from,
    plan_from_definition,
    speed_definition,
    speed_from,
)
from netbilld.billing.plan_file.whole import named_places, parse_plan, refuse_key, unused_keys
from netbilld.billing.plan_file.written import plan_text

__all__ = [
    "discount_definition",
    "discount_from",
    "named_places",
    "parse_plan",
    "plan_from_definition",
    "plan_text",
    "refuse_key",
    "speed_definition",
    "speed_from",
    "unused_keys",
]
