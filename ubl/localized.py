"""Values as people of a language read them: dates, money, numbers, names of codes and labels.

Labels are data of this package (``labels/*.toml``); formats come from Unicode CLDR by way of
Babel. Nothing here knows which document is shown.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, localcontext
from functools import cache
from importlib import resources
from typing import Any, Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent
from babel.units import format_unit

from ubl.amounts import MAX_DIGITS, NO_CURRENCY, Amount
from ubl.model import Quantity

__all__ = ["LANGUAGES", "LanguageUnknown", "Localized"]

LANGUAGES: Final = ("en", "fr", "nl", "de")
_PRECISION: Final = 2 * MAX_DIGITS
_ONE_OR_MANY: Final = "|"
_NO_BREAK_SPACE: Final = "\u00a0"
_LETTER_BEFORE_DIGIT: Final = re.compile(r"(?<=[^\W\d_])(?=\d)")
# Codes of UN/ECE Recommendations 20 and 21; anything else is a word of its own.
_UNIT_CODE: Final = re.compile(r"[A-Z0-9]{2,3}")


class LanguageUnknown(ValueError):
    """There are no labels in that language. ``code`` is stable: LANGUAGE-UNKNOWN."""

    code = "LANGUAGE-UNKNOWN"

    def __init__(self, language: str) -> None:
        super().__init__(
            f"There are no labels in '{language}'. Choose one of {', '.join(LANGUAGES)}."
        )


@cache
def _labels(language: str) -> Mapping[str, Mapping[str, Any]]:
    text = resources.files("ubl").joinpath("labels", f"{language}.toml").read_text("utf-8")
    return tomllib.loads(text)


class Localized:
    """Writes values for people. Formats follow the locale, labels its language.

    ``locale`` is a language or a language with territory, ``fr`` or ``fr_BE``. Raises
    LanguageUnknown for languages without labels.
    """

    def __init__(self, locale: str) -> None:
        """Prepare the formats of a locale."""
        language = locale.replace("-", "_").partition("_")[0].lower()
        if language not in LANGUAGES:
            raise LanguageUnknown(locale)
        self.language = language
        try:
            self._locale = Locale.parse(locale.replace("-", "_"))
        except (UnknownLocaleError, ValueError):
            raise LanguageUnknown(locale) from None
        self._labels = _labels(language)

    def label(self, key: str) -> str:
        """Return the label of a field of the model, for instance ``Invoice.number``."""
        table, _, field = key.partition(".")
        return str(self._labels[table][field])

    def code(self, code_list: str, code: str) -> str:
        """Return the name of a code, or the code itself where the list here has no name for it."""
        return str(self._labels["codes"].get(code_list, {}).get(code, code))

    def has_code(self, code_list: str, code: str) -> bool:
        """Tell whether the list here has a name for a code, be it the code itself."""
        return code in self._labels["codes"].get(code_list, {})

    def day(self, value: date) -> str:
        """Write a date, for instance ``31 janv. 2026``."""
        return format_date(value, format="medium", locale=self._locale)

    def number(self, value: Decimal) -> str:
        """Write a number with all the decimals it has."""
        with localcontext(prec=_PRECISION):
            return format_decimal(value, locale=self._locale, decimal_quantization=False)

    def amount(self, value: Amount) -> str:
        """Write an amount with its currency; decimals beyond the currency's own are kept."""
        if value.currency == NO_CURRENCY:
            return self.number(value.value)
        with localcontext(prec=_PRECISION):
            text = format_currency(
                value.value, value.currency, locale=self._locale, decimal_quantization=False
            )
        # CLDR sets currencies of letters apart from the digits; Babel does not.
        return _LETTER_BEFORE_DIGIT.sub(_NO_BREAK_SPACE, text)

    def percentage(self, value: Decimal) -> str:
        """Write a percentage; the value 20 means twenty per cent."""
        with localcontext(prec=_PRECISION):
            return format_percent(value.scaleb(-2), locale=self._locale, decimal_quantization=False)

    def quantity(self, value: Quantity) -> str:
        """Write a quantity with the name of its unit, in the plural where the language has it.

        A code of a unit that has no name here is said to be one.
        """
        if value.unit is None:
            return self.number(value.value)
        name = self.code("unit", value.unit)
        if name == value.unit and _UNIT_CODE.fullmatch(name):
            name = f"{name} (UN/ECE)"
        one, _, many = name.partition(_ONE_OR_MANY)
        # 1.00 is written "1", and so it is one.
        whole = value.value.to_integral_value()
        count = abs(whole if whole == value.value else value.value)
        is_one = not many or self._locale.plural_form(count) == "one"
        return f"{self.number(value.value)}{_NO_BREAK_SPACE}{one if is_one else many}"

    def size(self, value: int) -> str:
        """Write how large a file is, in the unit that suits it (1 kB = 1,000 bytes)."""
        for unit, factor in (("digital-megabyte", 10**6), ("digital-kilobyte", 10**3)):
            if value >= factor:
                return format_unit(
                    Decimal(value) / factor, unit, "short", format="#,##0.#", locale=self._locale
                )
        return format_unit(value, "digital-byte", "short", locale=self._locale)

    def country(self, code: str) -> str:
        """Return the name of a country (ISO 3166-1 alpha-2), the code itself where unknown."""
        return str(self._locale.territories.get(code, code))

    def currency(self, code: str) -> str:
        """Return a currency with its name, for instance ``EUR (euro)``."""
        name = self._locale.currencies.get(code)
        return f"{code} ({name})" if name else code
