"""Message-level statuses: rules of the official artefact, rule by rule, and round trips."""

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ubl.model import Identifier
from ubl.response import Mls, MlsCode, MlsIssue, MlsReason, ResponseRefused, read_mls, write_mls
from ubl.safexml import XmlRefused

STATUS = Mls(
    identifier="MLS-2026-000001",
    issued_at=datetime(2026, 3, 11, 12, 0, tzinfo=UTC),
    sender=Identifier("000123", "0242"),
    receiver=Identifier("000456", "0242"),
    code=MlsCode.DELIVERED,
    reference="5e5b8f0c-0f4e-4d1a-9d5e-0d6f0f7f2a11",
)
FAILURE = MlsIssue(reason=MlsReason.RULE_VIOLATION, text="BR-16: a line is missing")


def rules_of(refused: ResponseRefused) -> set[str | None]:
    return {fault.rule for fault in refused.faults}


def test_reads_every_good_example(vectors: Path) -> None:
    files = sorted((vectors / "mls" / "good").glob("*.xml"))
    assert len(files) == 8
    for file in files:
        mls = read_mls(file.read_bytes())
        assert mls.reference == "90f14eff-3705-4869-ad3c-caae270a234e"
        assert read_mls(write_mls(mls)) == mls


def test_a_rejection_is_read_in_full(vectors: Path) -> None:
    mls = read_mls((vectors / "mls" / "good" / "MessageLevelStatus_Example_RE4.xml").read_bytes())
    assert mls.code is MlsCode.REJECTED
    assert mls.issued_at == datetime(2025, 3, 11, 12, 0, tzinfo=UTC)
    assert mls.description == "Rejected due to validation errors"
    assert [issue.reason for issue in mls.issues] == [MlsReason.RULE_VIOLATION] * 2
    assert mls.issues[1].location.startswith("/Catalogue/cac:CatalogueLine[4]/")


def test_refuses_every_bad_example_by_the_rule_it_is_named_after(vectors: Path) -> None:
    files = sorted((vectors / "mls" / "bad").glob("mls-[0-9]*.xml"))
    assert len(files) == 66
    for file in files:
        with pytest.raises(ResponseRefused) as refused:
            read_mls(file.read_bytes())
        assert f"SCH-MLS-{file.stem[4:6]}" in rules_of(refused.value), file.name
        assert all(fault.code.startswith("RESPONSE-") for fault in refused.value.faults)


def test_the_template_of_the_bad_examples_is_itself_good(vectors: Path) -> None:
    read_mls((vectors / "mls" / "bad" / "mls-template.xml").read_bytes())


def verdict(data: bytes) -> set[str | None]:
    try:
        mls = read_mls(data)
    except ResponseRefused as refused:
        return rules_of(refused)
    assert read_mls(write_mls(mls)) == mls
    return set()


def test_agrees_with_the_official_verdict_on_the_whole_corpus(cases: list[dict[str, Any]]) -> None:
    """We name one rule where the official artefact fires two for one cause, never another."""
    checked = 0
    for case in cases:
        if case["suite"] not in ("peppol-mls", "mut-mls") or "oracle" not in case:
            continue
        official = set(case["oracle"]["mls-1.0.1"])
        ours = verdict(case["path"].read_bytes())
        assert ours <= official, case["id"]
        assert bool(ours) is bool(official), case["id"]
        checked += 1
    assert checked == 50


def test_tolerated_rules_leave_a_readable_status(cases: list[dict[str, Any]]) -> None:
    misaddressed = [
        case
        for case in cases
        if case["suite"] == "peppol-mls" and case.get("fatal") == ["SCH-MLS-14"]
    ]
    assert misaddressed
    for case in misaddressed:
        data = case["path"].read_bytes()
        with pytest.raises(ResponseRefused):
            read_mls(data)
        assert read_mls(data, tolerate={"SCH-MLS-14"}).reference


def test_only_rules_on_addresses_can_be_tolerated() -> None:
    data = write_mls(STATUS).replace(b">AP<", b">XX<")
    with pytest.raises(ResponseRefused) as refused:
        read_mls(data, tolerate={"SCH-MLS-19", "SCH-MLS-14"})
    assert rules_of(refused.value) == {"SCH-MLS-19"}


def test_bytes_that_are_no_xml_and_another_document() -> None:
    with pytest.raises(XmlRefused):
        read_mls(b"not xml")
    with pytest.raises(ResponseRefused) as refused:
        read_mls(b"<Invoice/>")
    assert refused.value.code == "RESPONSE-NOT-MLS"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"identifier": " "}, "SCH-MLS-03"),
        ({"reference": ""}, "SCH-MLS-26"),
        ({"issued_at": datetime(2026, 1, 1)}, "SCH-MLS-06"),  # noqa: DTZ001 - the very fault
        ({"sender": Identifier("12345", "0242")}, "SCH-MLS-09"),
        ({"sender": Identifier("١٢٣٤٥٦", "0242")}, "SCH-MLS-09"),
        ({"sender": Identifier("123456", "0088")}, "SCH-MLS-11"),
        ({"receiver": Identifier("123456-", "0242")}, "SCH-MLS-14"),
        ({"receiver": Identifier("123456")}, "SCH-MLS-16"),
        ({"code": MlsCode.REJECTED, "issues": (FAILURE,)}, "SCH-MLS-20"),
        (
            {"code": MlsCode.REJECTED, "issues": (FAILURE,), "description": " "},
            "SCH-MLS-21",
        ),
        ({"code": MlsCode.REJECTED, "description": "no"}, "SCH-MLS-23"),
        (
            {
                "code": MlsCode.REJECTED,
                "description": "no",
                "issues": (MlsIssue(reason=MlsReason.RULE_WARNING, text="a"),),
            },
            "SCH-MLS-24",
        ),
        ({"issues": (FAILURE,)}, "SCH-MLS-25"),
        (
            {"issues": (MlsIssue(reason=MlsReason.RULE_WARNING, text="a", location=" "),)},
            "SCH-MLS-27",
        ),
        ({"issues": (MlsIssue(reason=MlsReason.RULE_WARNING, text=""),)}, "SCH-MLS-29"),
    ],
)
def test_a_faulty_status_is_never_written(change: dict[str, Any], rule: str) -> None:
    with pytest.raises(ResponseRefused) as refused:
        write_mls(dataclasses.replace(STATUS, **change))
    assert rule in rules_of(refused.value)


def test_characters_xml_cannot_carry_are_refused() -> None:
    with pytest.raises(ResponseRefused) as refused:
        write_mls(dataclasses.replace(STATUS, description="a\x00b"))
    assert refused.value.code == "RESPONSE-TEXT"


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-02-30", "2026-1-1"])
def test_a_day_at_the_edge_of_the_calendar_is_refused_not_an_accident(day: str) -> None:
    data = write_mls(STATUS).replace(b"2026-03-11", day.encode())
    data = data.replace(b"12:00:00Z", b"00:00:00+14:00")
    with pytest.raises(ResponseRefused) as refused:
        read_mls(data)
    assert refused.value.code == "RESPONSE-DATE"


@pytest.mark.parametrize(
    ("clock", "hour", "microsecond"),
    [
        ("12:00:00Z", 12, 0),
        ("14:00:00+02:00", 12, 0),
        ("12:00:00.5Z", 12, 500_000),
        ("12:00:00.1234567Z", 12, 123_456),
    ],
)
def test_the_time_of_issue_is_held_in_utc(clock: str, hour: int, microsecond: int) -> None:
    data = write_mls(STATUS).replace(b"12:00:00Z", clock.encode())
    issued_at = read_mls(data).issued_at
    assert issued_at == datetime(2026, 3, 11, hour, 0, 0, microsecond, tzinfo=UTC)
    assert issued_at.utcoffset() == timedelta(0)


def test_a_local_time_is_written_in_utc() -> None:
    paris = timezone(timedelta(hours=1))
    local = dataclasses.replace(STATUS, issued_at=datetime(2026, 1, 1, 0, 30, tzinfo=paris))
    data = write_mls(local)
    assert b"<cbc:IssueDate>2025-12-31</cbc:IssueDate>" in data
    assert b"<cbc:IssueTime>23:30:00Z</cbc:IssueTime>" in data


_texts = (
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=40)
    .map(str.strip)
    .filter(bool)
)
_issues = st.builds(
    MlsIssue,
    reason=st.sampled_from(MlsReason),
    text=_texts,
    location=st.sampled_from(["NA", "/Invoice", "/Invoice/cac:InvoiceLine[2]"]),
)


@settings(max_examples=60)
@given(
    st.lists(_issues, max_size=5),
    _texts,
    st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001 - zone added below
)
def test_what_is_written_is_read_back(
    issues: list[MlsIssue], description: str, issued_at: datetime
) -> None:
    fails = any(issue.reason is not MlsReason.RULE_WARNING for issue in issues)
    mls = dataclasses.replace(
        STATUS,
        code=MlsCode.REJECTED if fails else MlsCode.FORWARDED,
        issued_at=issued_at.replace(tzinfo=UTC),
        description=description,
        issues=tuple(issues),
    )
    assert read_mls(write_mls(mls)) == mls
