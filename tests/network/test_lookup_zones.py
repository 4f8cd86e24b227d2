"""The DNS zones of participants: dated data, read strictly."""

from datetime import UTC, datetime

import pytest

from gateway.core.errors import GatewayError
from gateway.core.settings import Stage
from gateway.network.lookup_zones import read_zones, zone_at

ROW = '[[zone]]\nstage = "test"\nzone = "a.example"\nvalid_from = 2026-01-01\nsource = "x"\n'


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("stage", "at", "zone"),
    [
        (Stage.PRODUCTION, "2025-12-01", "edelivery.tech.ec.europa.eu"),
        (Stage.PRODUCTION, "2026-03-19", "participant.sml.prod.tech.peppol.org"),
        (Stage.PRODUCTION, "2026-11-22", "participant.sml.prod.tech.peppol.org"),
        (Stage.TEST, "2026-03-18T23:59:59", "acc.edelivery.tech.ec.europa.eu"),
        (Stage.TEST, "2026-03-19T00:00:00", "participant.sml.test.tech.peppol.org"),
    ],
)
def test_the_zone_of_the_moment(stage, at, zone) -> None:
    assert zone_at(read_zones(None), stage=stage, at=moment(at)).zone == zone


def test_no_zone_for_a_moment_or_a_stage_is_said() -> None:
    zones = read_zones(None)
    for stage, at in ((Stage.PRODUCTION, "2025-10-31"), (Stage.DEMO, "2026-11-22")):
        with pytest.raises(GatewayError, match="SML-ZONES") as caught:
            zone_at(zones, stage=stage, at=moment(at))
        assert "network.sml_zone" in caught.value.message


def test_a_folder_brings_its_own_or_has_the_shipped(tmp_path) -> None:
    assert read_zones(tmp_path) == read_zones(None)
    (tmp_path / "sml-zones.toml").write_text(ROW + "valid_until = 2026-12-31\n")
    (one,) = read_zones(tmp_path)
    assert one.covers(moment("2026-12-31T23:00:00").date())
    assert not one.covers(moment("2027-01-01").date())


@pytest.mark.parametrize(
    "text",
    [
        "zone = 1",
        "[[zone]",
        "other = 1\n" + ROW,
        ROW.replace("a.example", "a b"),
        ROW.replace("a.example", "example"),
        ROW.replace('"test"', '"live"'),
        ROW.replace("2026-01-01", '"2026-01-01"'),
        ROW.replace("source", "origin"),
        ROW.replace('source = "x"', ""),
        "zone = [1]",
    ],
)
def test_a_file_with_mistakes_is_refused(tmp_path, text) -> None:
    (tmp_path / "sml-zones.toml").write_text(text)
    with pytest.raises(GatewayError, match="SML-ZONES"):
        read_zones(tmp_path)
