"""What a path says by itself to those who are limited to areas."""

import pytest

from netbilld.panel.within import Reach, Subject, Within, reach_of


@pytest.mark.parametrize(
    ("path", "reach"),
    [
        (r"/subscribers/{number:\d{1,20}}", Subject("subscriber", "number")),
        (r"/live/subscribers/{number:\d{1,20}}", Subject("subscriber", "number")),
        (r"/subscribers/{number:\d{1,20}}/services/{service:[0-9a-f]{8}}/plan", Subject("subscriber", "number")),
        ("/invoices/{number:.{1,60}}/pdf", Subject("invoice", "number")),
        (r"/sessions/{id:\d{1,18}}/disconnect", Subject("session", "id")),
        ("/nas/{name}", Within.NOWHERE),
        (r"/webhooks/{webhook:[0-9a-f]{8}}/deliveries/{id:\d{1,18}}/replay", Within.NOWHERE),
        ("/subscribers", Within.NOWHERE),
        ("/sessions/held", Within.NOWHERE),
        ("/", Within.NOWHERE),
    ],
)
def test_a_path_is_about_the_first_thing_of_a_subscriber_in_it_and_closed_otherwise(path: str, reach: Reach) -> None:
    assert reach_of(path) == reach
