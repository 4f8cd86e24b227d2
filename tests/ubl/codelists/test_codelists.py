"""Code lists as values, and the two kinds of files they are published in."""

from datetime import date

import pytest

from ubl.codelists import (
    Code,
    CodeList,
    CodeLists,
    CodeListUnknown,
    PublicationUnreadable,
    Release,
    Standing,
    read_publication,
)
from ubl.localized import LanguageUnknown

DATABASE = b"""<?xml version="1.0" encoding="UTF-8"?>
<!-- Release metadata
     Version: 2.3.4
     Release date: 2026-08-04
     Effective date: 2026-09-01
-->
<codedb><cl id="1"><enumeration value="A"/></cl>
<cl id="7"><enumeration value="58"/><enumeration value="30"/></cl></codedb>"""
TABLE = b'version = "release 3"\nvalid_from = 2026-02-23\ncodes = ["0088", "0208"]\n'
RELEASE = Release(title="T", version="1", published=None, valid_from=date(2026, 9, 1))
DAY = date(2026, 11, 22)


def read(content: bytes):
    return read_publication(content, title="Title", rules="family")


def test_a_code_database_tells_its_release_and_numbers_its_lists() -> None:
    publication = read(DATABASE)
    assert publication.release == Release(
        title="Title",
        version="2.3.4",
        published=date(2026, 8, 4),
        valid_from=date(2026, 9, 1),
        rules="family",
    )
    assert publication.codes("7", ["30"]) == ("58", "30")


def test_a_file_of_one_list() -> None:
    publication = read(TABLE)
    assert publication.codes("", ["0208"]) == ("0088", "0208")
    assert (publication.release.valid_from, publication.release.published) == (
        date(2026, 2, 23),
        None,
    )


@pytest.mark.parametrize(("number", "must_have"), [("7", ["30", "99"]), ("8", ["30"])])
def test_a_list_that_moved_is_refused(number: str, must_have: list[str]) -> None:
    with pytest.raises(PublicationUnreadable, match="not the list it was") as refused:
        read(DATABASE).codes(number, must_have)
    assert refused.value.code == "CODE-LIST-SOURCE"


@pytest.mark.parametrize(
    "content",
    [
        b"<codedb/>",
        DATABASE.replace(b"2026-09-01", b"2026-19-01"),
        DATABASE[:-20],
        b"codes = [",
        b'codes = ["1"]',
        b'codes = "13"\nversion = "1"\nvalid_from = 2026-01-01',
        b'codes = [1]\nversion = "1"\nvalid_from = 2026-01-01',
        b'codes = ["1"]\nversion = "1"\nvalid_from = 2026-01-01T10:00:00',
        b'codes = ["1"]\nversion = "1"\nvalid_from = "soon"',
        b"\xff\xfe",
    ],
)
def test_what_is_no_publication_is_refused(content: bytes) -> None:
    with pytest.raises(PublicationUnreadable):
        read(content)


def code_list(*codes: Code, named_by: str = "payment_means") -> CodeList:
    return CodeList(
        id="X",
        titles={"en": "Means", "fr": "Moyens"},
        terms=("BT-81",),
        release=RELEASE,
        codes={code.code: code for code in codes},
        named_by=named_by,
    )


def test_validity_includes_both_ends() -> None:
    dated = Code(code="A", valid_from=date(2026, 1, 1), valid_until=date(2026, 6, 30))
    listed = code_list(dated, Code(code="B"))
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)]
    assert [listed.valid("A", day) for day in days] == [False, True, True, False]
    assert listed.valid("B", DAY)
    assert not listed.valid("C", DAY)


def test_names_come_from_labels_cldr_or_the_operator() -> None:
    own = Code(code="XX", names={"en": "House rule", "nl": "Huisregel"})
    listed = code_list(Code(code="58"), own)
    assert [listed.name("58", lang) for lang in ("en", "fr", "nl", "de")] == [
        "SEPA credit transfer",
        "Virement SEPA",
        "SEPA-overschrijving",
        "SEPA-Überweisung",
    ]
    assert (listed.name("XX", "nl"), listed.name("XX", "fr")) == ("Huisregel", "House rule")
    assert listed.name("999", "en") == ""
    assert code_list(Code(code="BE"), named_by="country").name("BE", "nl") == "België"
    assert code_list(Code(code="EUR"), named_by="currency").name("EUR", "de") == "Euro"
    assert code_list(Code(code="HUR"), named_by="unit").name("HUR", "en") == "hour"
    assert (listed.title("fr"), listed.title("de")) == ("Moyens", "Means")
    with pytest.raises(LanguageUnknown):
        listed.named("it")


def test_finding_looks_at_codes_and_names() -> None:
    listed = code_list(Code(code="58"), Code(code="59", valid_until=date(2026, 1, 1)))
    found = list(listed.find("SEPA", lang="en", on=DAY))
    assert [(one.code.code, one.valid) for one in found] == [("58", True), ("59", False)]
    assert [one.code.code for one in listed.find(" 59 ", lang="en", on=DAY)] == ["59"]
    assert list(listed.find("zzz", lang="en", on=DAY)) == []


@pytest.mark.parametrize(
    ("today", "oldest", "newest", "standing"),
    [
        (date(2026, 8, 31), date(2026, 1, 1), None, Standing.COMING),
        (DAY, date(2026, 1, 1), None, Standing.CURRENT),
        (DAY, date(2026, 1, 1), date(2026, 9, 1), Standing.CURRENT),
        (DAY, date(2026, 1, 1), date(2026, 11, 15), Standing.SUPERSEDED),
        (DAY, date(2026, 1, 1), date(2027, 1, 1), Standing.CURRENT),
        (DAY, date(2026, 9, 2), None, Standing.AGED),
    ],
)
def test_standing(today: date, oldest: date, newest: date | None, standing: Standing) -> None:
    assert RELEASE.standing(today, oldest=oldest, newest_rules=newest) == standing


def test_an_unknown_list() -> None:
    lists = CodeLists([code_list()])
    assert lists.of("X").id == "X"
    with pytest.raises(CodeListUnknown):
        lists.of("Y")
