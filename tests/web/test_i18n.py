"""The catalogues are complete, and every language writes its own way."""

import re
import string
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import gateway
from gateway.access.roles import SCOPES, Role
from gateway.core.settings import Stage
from gateway.exchange.states import (
    BusinessState,
    NetworkState,
    PaymentState,
    TransportState,
    display_status,
)
from gateway.exchange.tables import AttemptOutcome, DocumentKind, EventGroup
from gateway.exchange.timeline_view import LOOKS
from gateway.network.pki import Purpose
from gateway.web.i18n import LANGUAGES, Catalogues, Words, preferred_language
from gateway.web.render import PACKAGES
from ubl.response import InvoiceStatus, MlsCode, StatusAction, StatusReason

SOURCE = Path(gateway.__file__).parent
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalogues() -> Catalogues:
    return Catalogues.of(PACKAGES)


def words(catalogues: Catalogues, language: str) -> Words:
    return catalogues.words(language, zone=ZoneInfo("Europe/Brussels"), now=NOW)


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_with_the_same_placeholders(
    catalogues: Catalogues, language: str
) -> None:
    assert catalogues.keys(language) == catalogues.keys("en")
    for key in catalogues.keys("en"):
        mine, english = (catalogues.sentence(one, key) for one in (language, "en"))
        assert placeholders(mine) == placeholders(english), key
        assert mine.strip(), key


def test_every_key_that_code_and_templates_name_exists(catalogues: Catalogues) -> None:
    keys, used = catalogues.keys("en"), set()
    for file in sorted(SOURCE.glob("*/templates/*.html")):
        text = file.read_text()
        for call, key in re.findall(r"\bt(\.count)?\(\s*\"([a-z_.\-]+)\"\s*[,)]", text):
            used.add(key)
            wanted = {f"{key}.one", f"{key}.other"} if call else {key}
            assert wanted <= keys, f"{file.name}: {key}"
    assert len(used) > 100


def test_every_code_that_reaches_a_page_has_a_name(catalogues: Catalogues) -> None:
    statuses = {
        display_status(transport, network, business, payment).key
        for transport in TransportState
        for network in NetworkState
        for business in BusinessState
        for payment in PaymentState
    }
    groups: dict[str, set[str]] = {
        "action": set(StatusAction),
        "answer": set(InvoiceStatus),
        "answer_about": set(InvoiceStatus),
        "event": set(LOOKS),
        "group": set(EventGroup),
        "kind": set(DocumentKind),
        "mls": set(MlsCode),
        "outcome": set(AttemptOutcome),
        "purpose": set(Purpose),
        "reason": set(StatusReason),
        "role": set(Role),
        "scope": set(SCOPES),
        "stage": set(Stage),
        "status": statuses | (set(TransportState) - {"received"}),
    }
    missing = {
        f"{group}.{code}" for group, codes in groups.items() for code in codes
    } - catalogues.keys("en")
    # A timeline's sentences may stand in either of two groups (gateway.exchange.timeline_view).
    keys = catalogues.keys("en")
    missing -= {one for one in missing if one.replace("event.", "timeline.", 1) in keys}
    assert not missing


def test_every_kind_of_event_that_is_recorded_has_a_look_and_a_sentence() -> None:
    recorded = set()
    for file in (SOURCE / "exchange").glob("*.py"):
        # The types of webhooks look like kinds of timeline entries, and are none.
        if file.name not in ("timeline_view.py", "events.py"):
            recorded |= set(
                re.findall(
                    r'(?<!action=)"((?:document|receiver|receipt|attempt|delivery|mls|response)\.[a-z-]+)"',
                    file.read_text(),
                )
            )
    recorded -= {"document.id", "document.xml"}
    assert recorded <= set(LOOKS)
    assert {"mls.received", "receipt.verified", "document.refused"} <= recorded


def test_every_check_of_an_evidence_bundle_has_a_sentence(catalogues: Catalogues) -> None:
    files = ("evidence_check.py", "evidence_proofs.py")
    text = "".join((SOURCE / "exchange" / name).read_text() for name in files)
    statements = set(re.findall(r"Check\(\s*[\w\[\]\"\.]+,\s*f?\"([^\"]+)\"", text))
    assert len(statements) > 8
    for one in statements:
        slug = one.replace("{FORMAT}", "peppol-gateway-evidence/1")
        key = slug.replace("'", "").replace(" ", "-")
        assert f"check.{key}" in catalogues.keys("en"), one


def test_an_unknown_key_is_an_error(catalogues: Catalogues) -> None:
    with pytest.raises(KeyError):
        words(catalogues, "en")("no.such.key")


def test_plurals_follow_the_language(catalogues: Catalogues) -> None:
    english, french = words(catalogues, "en"), words(catalogues, "fr")
    assert english.count("report.errors_counted", 0) == "0 errors"
    assert french.count("report.errors_counted", 0) == "0 erreur"
    assert french.count("report.errors_counted", 2) == "2 erreurs"
    assert french.count("report.errors_counted", 1_000_000).endswith("erreurs")


@pytest.mark.parametrize(
    ("language", "minor", "currency", "expected"),
    [
        ("en", 125876, "EUR", "€1,258.76"),
        ("fr", 125876, "EUR", "1\u202f258,76\xa0€"),
        ("en", -5, "EUR", "-€0.05"),
        ("en", 1500, "JPY", "¥1,500"),
        ("en", 1500, "BHD", "BHD1.500"),
        ("en", 1234, "XXX", "12.34"),
    ],
)
def test_money_shows_the_minor_digits_of_its_currency(
    catalogues: Catalogues, language: str, minor: int, currency: str, expected: str
) -> None:
    assert words(catalogues, language).money(minor, currency) == expected


def test_nothing_is_written_where_there_is_no_money_or_no_day(catalogues: Catalogues) -> None:
    english = words(catalogues, "en")
    assert english.money(None, "EUR") == english.money(1, None) == english.day(None) == ""


def test_moments_are_relative_and_exact(catalogues: Catalogues) -> None:
    french = words(catalogues, "fr")
    assert french.ago(NOW - timedelta(minutes=3)) == "il y a 3 minutes"
    assert french.ago(NOW + timedelta(days=2)) == "dans 2 jours"
    assert "13:00" in french.moment(NOW)
    assert french.day(date(2026, 1, 31)) == "31 janv. 2026"


def test_sizes_take_the_largest_unit(catalogues: Catalogues) -> None:
    english = words(catalogues, "en")
    assert [english.size(one) for one in (7, 5800, 2_500_000)] == ["7 B", "5.8 kB", "2.5 MB"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("fr-BE,fr;q=0.9,en;q=0.5", "fr"),
        ("sv, fr;q=0.2, en;q=0.8", "en"),
        ("fr;q=0, en;q=0.1", "en"),
        ("*;q=broken,,;;;", "en"),
        ("\x00" * 50, "en"),
    ],
)
def test_the_browser_chooses_the_first_language(header: str, expected: str) -> None:
    assert preferred_language(header) == expected


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="second time"):
        Catalogues.of(("gateway.web", "gateway.web"))
