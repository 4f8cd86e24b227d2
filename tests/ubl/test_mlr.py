"""Message Level Responses: the example of BIS 36, agreement with the rules, round trips."""

import dataclasses
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ubl.mlr import Mlr, read_mlr, write_mlr
from ubl.model import Identifier
from ubl.response import MlsCode, MlsIssue, MlsReason, ResponseRefused
from ubl.safexml import XmlRefused

MLR = Mlr(
    identifier="MLR-1",
    issue_date=date(2026, 11, 2),
    sender=Identifier("0765432146", "0208"),
    receiver=Identifier("0876543270", "0208"),
    code=MlsCode.DELIVERED,
    reference="sbdh-1",
)
ISSUE = MlsIssue(reason=MlsReason.RULE_VIOLATION, text="BR-01 is broken", location="/Invoice")
REJECTION = dataclasses.replace(
    MLR, code=MlsCode.REJECTED, description="Not taken.", issues=(ISSUE,)
)


def test_reads_every_good_example(vectors: Path) -> None:
    files = sorted((vectors / "mlr" / "good").glob("*.xml"))
    assert files
    for file in files:
        mlr = read_mlr(file.read_bytes())
        assert (mlr.code, mlr.reference) == (MlsCode.REJECTED, "EnvelopeID-12456789")
        assert (mlr.issue_date, mlr.issue_time) == (date(2016, 8, 15), time(12))
        assert mlr.document_type_code == "9"
        (issue,) = mlr.issues
        assert issue.reason is MlsReason.RULE_VIOLATION
        assert issue.location.startswith("/Catalogue/cac:CatalogueLine[3]/")
        assert read_mlr(write_mlr(mlr)) == mlr


# Code lists (EAS, UNCL 1001), a line's own response code and a blank time, which validation holds.
LEFT_TO_VALIDATION = {
    *("PEPPOL-T71-B00802", "PEPPOL-T71-B01102", "PEPPOL-T71-B01901", "PEPPOL-T71-B02501"),
    *("PEPPOL-COMMON-R001", "PEPPOL-COMMON-R040"),
}


def test_agrees_with_the_official_verdict_on_the_whole_corpus(cases: list[dict[str, Any]]) -> None:
    checked = 0
    for case in cases:
        if case["suite"] not in ("peppol-mlr", "mut-t71"):
            continue
        official, ours = set(case.get("fatal") or ()), set[str | None]()
        try:
            read_mlr(case["path"].read_bytes())
            refused = False
        except ResponseRefused as found:
            refused, ours = True, {one.rule for one in found.faults}
        assert ours - {None} <= official, case["id"]
        assert refused or official <= LEFT_TO_VALIDATION, case["id"]
        assert official or not refused, case["id"]
        checked += 1
    assert checked >= 30


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b">AP<", b">XX<", "RESPONSE-CODE"),
        (b"<cbc:ResponseCode>AP</cbc:ResponseCode>", b"", "RESPONSE-MISSING"),
        (b"trns:mlr:3", b"trns:other:3", "RESPONSE-NOT-MLR"),
        (b"bis:mlr:3", b"bis:other:3", "RESPONSE-NOT-MLR"),
        (b"2026-11-02", b"2.11.2026", "RESPONSE-DATE"),
        (b' schemeID="0208"', b"", "RESPONSE-MISSING"),
        (b">sbdh-1<", b"> <", "RESPONSE-MISSING"),
    ],
)
def test_says_what_is_wrong(old: bytes, new: bytes, code: str) -> None:
    data = write_mlr(MLR)
    assert old in data
    with pytest.raises(ResponseRefused) as refused:
        read_mlr(data.replace(old, new))
    assert refused.value.code == code


def test_a_response_without_an_answer_or_with_two() -> None:
    data = write_mlr(MLR)
    start, end = data.index(b"<cac:DocumentResponse>"), data.index(b"</ApplicationResponse>")
    for part in (b"", data[start:end] * 2):
        with pytest.raises(ResponseRefused) as refused:
            read_mlr(data[:start] + part + data[end:])
        assert "RESPONSE-COUNT" in {one.code for one in refused.value.faults}


def test_a_failure_of_delivery_is_no_reason_of_an_mlr() -> None:
    failed = MlsIssue(reason=MlsReason.FAILURE_OF_DELIVERY, text="Gone.")
    with pytest.raises(ResponseRefused) as refused:
        write_mlr(dataclasses.replace(REJECTION, issues=(failed,)))
    assert refused.value.faults[0].rule == "PEPPOL-T71-B02801"
    data = write_mlr(REJECTION).replace(b">BV<", b">FD<")
    with pytest.raises(ResponseRefused) as read:
        read_mlr(data)
    assert read.value.faults[0].rule == "PEPPOL-T71-B02801"


@pytest.mark.parametrize("data", [b"", b"no xml", b"<a/>"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises((ResponseRefused, XmlRefused)):
        read_mlr(data)


texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp", "Cn"]), min_size=1)
responses = st.builds(
    Mlr,
    identifier=texts,
    issue_date=st.dates(min_value=date(1000, 1, 1)),
    issue_time=st.one_of(st.none(), st.times().map(lambda one: one.replace(fold=0))),
    sender=st.builds(Identifier, texts, texts),
    receiver=st.builds(Identifier, texts, texts),
    code=st.sampled_from(MlsCode),
    reference=texts,
    description=st.one_of(st.none(), texts),
    document_type_code=st.one_of(st.none(), texts),
    issues=st.lists(
        st.builds(
            MlsIssue,
            reason=st.sampled_from(
                [MlsReason.RULE_VIOLATION, MlsReason.RULE_WARNING, MlsReason.SYNTAX_VIOLATION]
            ),
            text=texts,
            location=texts,
        ),
        max_size=3,
    ).map(tuple),
)


@given(responses)
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_again(mlr: Mlr) -> None:
    assert read_mlr(write_mlr(mlr)) == mlr
