"""Every format says what it is in the words the rules recognise it by."""

import tomllib
from pathlib import Path

import pytest

from ubl.formats import FORMATS, Syntax, format_of, states_mode

RULES = Path(__file__).parents[2] / "config" / "rulesets.toml"


@pytest.mark.parametrize("name", FORMATS)
def test_the_rules_know_the_specification(name):
    wanted = FORMATS[name]
    scenarios = tomllib.loads(RULES.read_text("utf-8"))["scenario"]
    syntax = "cii" if wanted.syntax is Syntax.CII else "ubl-invoice"
    found = [
        one
        for one in scenarios
        if one.get("exact") == wanted.specification and syntax in one["syntax"]
    ]
    # OpenPeppol publishes no rules for BIS Billing in CII that an installation could take.
    assert bool(found) is (name != "peppol-bis-3-cii")


@pytest.mark.parametrize("name", [one.id for one in FORMATS.values() if one.attachment is None])
def test_a_document_is_told_by_what_it_says(name):
    wanted = FORMATS[name]
    process = "S1" if wanted.mode_required else wanted.business_process
    assert format_of(wanted.syntax, wanted.specification, business_process=process) is wanted


def test_what_says_something_else_is_no_format_of_ours():
    assert format_of(Syntax.UBL, "urn:cen.eu:en16931:2017#compliant#urn:other") is None
    assert format_of(Syntax.UBL, None) is None


def test_an_invoicing_mode_is_no_address_of_a_process():
    assert states_mode("S1")
    assert not states_mode("urn:fdc:peppol.eu:2017:poacc:billing:01:1.0")
    assert not states_mode(None)
