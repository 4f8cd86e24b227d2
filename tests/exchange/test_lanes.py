"""Who waits behind whom."""

import pytest

from gateway.as4.identifiers import ParticipantId
from gateway.core.jobs.tables import Lane
from gateway.exchange.lanes import delivery_lane, lookup_lane


@pytest.mark.parametrize(
    ("url", "lane"),
    [
        ("https://ap.example/as4", "ap:ap.example:443"),
        ("https://ap.example:443/other", "ap:ap.example:443"),
        ("https://AP.Example/as4", "ap:ap.example:443"),
        ("http://ap.example:8080/as4", "ap:ap.example:8080"),
    ],
)
def test_one_access_point_is_one_lane_whatever_its_path(url, lane):
    assert delivery_lane(url) == lane


def test_a_lookup_waits_behind_those_of_the_same_participant():
    one = ParticipantId.of("0208:0876543270")
    assert lookup_lane(one) == lookup_lane(ParticipantId.of("0208:0876543270"))
    assert lookup_lane(one) != lookup_lane(ParticipantId.of("0208:0765432146"))


def test_the_longest_host_name_still_fits_the_column():
    host = ".".join([*["a" * 60] * 4, "example"])
    assert len(delivery_lane(f"https://{host}/as4")) <= Lane.__table__.c.name.type.length
