"""Texts: the same entries and placeholders in every language, and none without its rule."""

import string

import pytest

from schematron import artefacts, texts
from schematron.texts import LANGUAGES, catalogue, wording


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_languages_say_the_same_things(lang):
    english = catalogue("en")
    entries = catalogue(lang)
    assert list(entries) == list(english)
    for code, entry in entries.items():
        assert set(entry) == set(english[code]), code
        for key, text in entry.items():
            assert text.strip() == text
            assert text, (code, key)
            assert placeholders(text) == placeholders(english[code][key]), (code, key)


@pytest.mark.parametrize("lang", LANGUAGES[1:])
def test_languages_are_not_english(lang):
    english = catalogue("en")
    same = [code for code, entry in catalogue(lang).items() if entry == english[code]]
    assert set(same) <= {"REPORT-INFORMATION"}


def test_worded_rules_exist_in_the_official_set(registry):
    source = registry.ruleset("cen-ubl-1.3.16").sources[0]
    official = artefacts.read_stylesheet(source).decode()
    worded = [code for code in catalogue("en") if code.startswith(("BR-", "UBL-"))]
    assert len(worded) >= 40
    for code in worded:
        assert f">{code}<" in official or f">{code}-" in official, code


def test_texts_do_not_repeat_the_official_wording(registry):
    source = registry.ruleset("cen-ubl-1.3.16").sources[0]
    official = artefacts.read_stylesheet(source).decode()
    for code, entry in catalogue("en").items():
        if code.startswith(("BR-", "UBL-")):
            assert entry["message"].rstrip(".") not in official, code


def test_a_numbered_rule_takes_the_text_of_its_family():
    family = wording("UBL-CR-561", lang="en")
    assert family == wording("UBL-CR-001", lang="en")
    assert wording("BR-DEC-12", lang="fr") is not None
    assert wording("BR-99", lang="en") is None
    assert wording("UBL-CR-x", lang="en") is None


def test_values_are_filled_in_and_never_read_as_placeholders():
    text = texts.official("{0} {lang} {{", lang="en")
    assert text.message == "Official wording: {0} {lang} {{"


def test_a_missing_text_is_a_defect_that_shows():
    with pytest.raises(KeyError, match="NO-SUCH-CODE"):
        texts.require("NO-SUCH-CODE", lang="en")
    with pytest.raises(KeyError, match="'it'"):
        wording("BR-01", lang="it")
