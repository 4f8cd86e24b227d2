"""Identifiers with check digits and fixed forms: companies, VAT, places, accounts, references.

Finds slips of the finger, nothing more: a number that passes may still belong to nobody. The
arithmetic is python-stdnum's; schemes are codes of the ICD and EAS lists, or the names below.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Final, Protocol, cast

from stdnum import get_cc_module, iban
from stdnum.exceptions import InvalidChecksum, InvalidFormat, InvalidLength, ValidationError

__all__ = [
    "BIC",
    "IBAN",
    "LEITWEG",
    "OGM",
    "RF",
    "SEPA_CREDITOR",
    "VAT",
    "Fault",
    "Problem",
    "check_identifier",
    "is_known",
    "normalised",
]

VAT: Final = "VAT"
IBAN: Final = "IBAN"
BIC: Final = "BIC"
RF: Final = "RF"
OGM: Final = "OGM"
SEPA_CREDITOR: Final = "SEPA-CREDITOR"
LEITWEG: Final = "0204"

_STDNUM: Final[Mapping[str, str]] = {
    BIC: "bic",
    RF: "iso11649",
    OGM: "be.ogm_vcs",
    SEPA_CREDITOR: "eu.at_02",
    LEITWEG: "de.leitweg",
    "0002": "fr.siren",
    "0007": "se.orgnr",
    "0009": "fr.siret",
    "0088": "ean",
    "0151": "au.abn",
    "0160": "ean",
    "0183": "ch.uid",
    "0184": "dk.cvr",
    "0191": "ee.registrikood",
    "0192": "no.orgnr",
    "0196": "is_.kennitala",
    "0199": "lei",
    "0208": "be.vat",
    "0210": "it.codicefiscale",
    "0211": "it.iva",
    "0212": "fi.ytunnus",
    "0221": "jp.cn",
}
# Numbers without a check digit: what they look like once white space is gone.
_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    "0060": re.compile(r"[0-9]{9}"),
    "0106": re.compile(r"[0-9]{8}(?:[0-9]{4})?"),
    "0190": re.compile(r"[0-9]{20}"),
}
_GLN_DIGITS: Final = 13
# EAS codes that are VAT numbers of one country (CEF list of electronic address schemes).
_VAT_SCHEMES: Final[Mapping[str, str]] = {
    **{"9910": "HU", "9914": "AT", "9920": "ES", "9925": "BE", "9926": "BG", "9927": "CH"},
    **{"9928": "CY", "9929": "CZ", "9930": "DE", "9931": "EE", "9932": "GB", "9933": "GR"},
    **{"9934": "HR", "9935": "IE", "9937": "LT", "9938": "LU", "9939": "LV", "9943": "MT"},
    **{"9944": "NL", "9945": "PL", "9946": "PT", "9947": "RO", "9949": "SI", "9950": "SK"},
    "9957": "FR",
}
_PREFIX: Final = re.compile(r"[A-Z]{2}")
_GREECE: Final = {"EL": "GR"}
_SWISS_SUFFIX: Final = re.compile(r"(?:MWST|TVA|IVA|TPV)$")
_SEPARATORS: Final = re.compile(r"[\s.\-/\u00a0\u202f]+")
_SPACES: Final = re.compile(r"[\s\u00a0\u202f]+")


class Fault(StrEnum):
    """What is wrong with an identifier; the values are stable codes."""

    CHECK_DIGIT = "IDENTIFIER-CHECK-DIGIT"
    LENGTH = "IDENTIFIER-LENGTH"
    FORM = "IDENTIFIER-FORM"
    PART = "IDENTIFIER-PART"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why an identifier cannot be right: its scheme, the value as given, and the fault."""

    scheme: str
    value: str
    fault: Fault


class _Module(Protocol):
    def validate(self, number: str) -> str: ...


def is_known(scheme: str) -> bool:
    """Say whether identifiers of that scheme can be checked here."""
    return scheme in (VAT, IBAN) or any(
        scheme in schemes for schemes in (_STDNUM, _FORMS, _VAT_SCHEMES)
    )


def normalised(scheme: str, value: str) -> str:
    """Write an identifier the way documents carry it: without spaces, dots and the like.

    A reference to a Belgian payment and a Leitweg-ID keep their signs, which are part of them.
    """
    if scheme in (OGM, LEITWEG):
        return _SPACES.sub("", value).upper()
    return _SEPARATORS.sub("", value).upper()


def check_identifier(scheme: str, value: str) -> Problem | None:
    """Return what is wrong with an identifier; None where it may be right or is not known here."""
    number = normalised(scheme, value)
    form = _FORMS.get(scheme)
    if form is not None:
        fault = None if form.fullmatch(number) else Fault.FORM
    elif not is_known(scheme):
        return None
    else:
        fault = _fault(scheme, number)
    return None if fault is None else Problem(scheme=scheme, value=value, fault=fault)


def _fault(scheme: str, number: str) -> Fault | None:
    if scheme == "0088" and len(number) != _GLN_DIGITS:
        return Fault.LENGTH
    try:
        check = _check(scheme, number)
        if check is not None:
            check(number)
    except InvalidChecksum:
        return Fault.CHECK_DIGIT
    except InvalidLength:
        return Fault.LENGTH
    except InvalidFormat:
        return Fault.FORM
    except ValidationError:
        return Fault.PART
    return None


def _check(scheme: str, number: str) -> Callable[[str], object] | None:
    """Return the check of a number; None where the country's numbers have none here.

    Raises InvalidFormat for a VAT number without the country it is of.
    """
    if scheme == IBAN:
        # Lists of banks and their accounts change too often for an invoice to hang on them.
        return partial(iban.validate, check_country=False)
    if scheme != VAT and scheme not in _VAT_SCHEMES:
        return _module(_STDNUM[scheme]).validate
    prefix = _PREFIX.match(number)
    country = _VAT_SCHEMES.get(scheme) or (prefix[0] if prefix else None)
    if country is None:
        raise InvalidFormat
    if country == "CH":
        return lambda swiss: _module("ch.uid").validate(_SWISS_SUFFIX.sub("", swiss))
    module = get_cc_module(_GREECE.get(country, country).lower(), "vat")
    return None if module is None else cast("_Module", module).validate


@cache
def _module(name: str) -> _Module:
    return cast("_Module", importlib.import_module(f"stdnum.{name}"))
