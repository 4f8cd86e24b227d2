"""Payment references: making and checking them, and finding them in what payers write.

Two structured forms: the creditor reference RF (ISO 11649) and the Belgian structured
communication OGM/VCS. Free text is searched for numbers that are known, never for anything that
merely looks like one. Pure text work; what a found number is worth is the matcher's business.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

__all__ = [
    "FoundNumber",
    "KnownNumbers",
    "ReferenceInvalid",
    "candidates",
    "is_findable",
    "make_ogm",
    "make_rf",
    "normal_form",
    "ogm_valid",
    "print_ogm",
    "print_rf",
    "rf_valid",
]

MIN_LENGTH: Final = 4
SHORT_DIGITS: Final = 6
_NARROWEST_CUT: Final = 27
_RF = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}")
_RF_BODY = re.compile(r"[A-Z0-9]{1,21}")
_OGM = re.compile(r"[0-9]{12}")
_RUN = re.compile(r"[A-Z0-9]+")
_NATURAL_PART = re.compile(r"[A-Z]+|[0-9]+")


class ReferenceInvalid(ValueError):
    """A payment reference cannot be made of the given text.

    ``code`` is stable: REFERENCE-RF-BODY or REFERENCE-OGM-BODY.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def normal_form(text: str) -> str:
    """Reduce a number or reference to capital ASCII letters and digits, accents taken off.

    Two writings of one number have the same normal form: ``F-2026/001`` and ``f 2026 001``.
    """
    return "".join(_RUN.findall(_plain(text)))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.upper())
    return "".join(one for one in decomposed if not unicodedata.combining(one)).upper()


def _mod97(text: str) -> int:
    return int("".join(str(int(character, 36)) for character in text)) % 97


def make_rf(body: str) -> str:
    """Make a creditor reference RF of 1 to 21 letters and digits, for instance an invoice number.

    Source: ISO 11649; check digits are 98 minus the remainder by 97 of body + RF00. Raises
    ReferenceInvalid.
    """
    normal = normal_form(body)
    if not _RF_BODY.fullmatch(normal):
        raise ReferenceInvalid(
            "REFERENCE-RF-BODY",
            f"A reference RF needs 1 to 21 letters and digits; '{body[:40]}' has {len(normal)}. "
            "Use a shorter number.",
        )
    return f"RF{98 - _mod97(normal + 'RF00'):02d}{normal}"


def rf_valid(reference: str) -> bool:
    """Whether it is a creditor reference RF with right check digits, however spaced."""
    normal = normal_form(reference)
    return bool(_RF.fullmatch(normal)) and _mod97(normal[4:] + normal[:4]) == 1


def print_rf(reference: str) -> str:
    """Write a reference RF for people, in groups of four."""
    normal = normal_form(reference)
    return " ".join(normal[start : start + 4] for start in range(0, len(normal), 4))


def make_ogm(body: str) -> str:
    """Make the twelve digits of a Belgian structured communication from its first ten.

    The check is the remainder of the ten digits by 97, or 97 where that is 0. Raises
    ReferenceInvalid.
    """
    if not re.fullmatch("[0-9]{10}", body):
        raise ReferenceInvalid(
            "REFERENCE-OGM-BODY",
            f"A structured communication needs ten digits; got '{body[:40]}'. Pad with zeros.",
        )
    return f"{body}{int(body) % 97 or 97:02d}"


def ogm_valid(reference: str) -> bool:
    """Whether it is a structured communication with right check digits, however written."""
    digits = normal_form(reference)
    return bool(_OGM.fullmatch(digits)) and make_ogm(digits[:10]) == digits


def print_ogm(reference: str) -> str:
    """Write a structured communication for people: ``+++010/8068/17183+++``."""
    digits = normal_form(reference)
    return f"+++{digits[:3]}/{digits[3:7]}/{digits[7:]}+++"


def is_findable(number: str) -> bool:
    """Whether free text is searched for a number: at least four characters, a digit among them."""
    normal = normal_form(number)
    return len(normal) >= MIN_LENGTH and any(one.isdigit() for one in normal)


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """A known number found in free text, in its normal form.

    ``firm`` is false where the text leaves a doubt: a short number of digits only, which may be
    a year or an amount, or a number that ends where the bank cut a line.
    """

    number: str
    firm: bool


@dataclass(frozen=True, slots=True)
class _Run:
    """An unbroken run of letters and digits; whether a line was cut right before or after it."""

    text: str
    cut_before: bool
    cut_after: bool


class KnownNumbers:
    """Numbers and references that a text may name, prepared once for many searches."""

    __slots__ = ("_longest", "_seams")

    def __init__(self, numbers: Iterable[str]) -> None:
        """Take the numbers as their issuer writes them; those not findable are left out."""
        self._seams = {normal_form(one): _seams(one) for one in numbers if is_findable(one)}
        self._longest = max(map(len, self._seams), default=0)

    def find(self, lines: Sequence[str]) -> tuple[FoundNumber, ...]:
        """Find the known numbers that the lines name, in the order of the text, each once.

        Separators are ignored where the number itself changes between letters and digits or has
        a separator, a cut of the line is ignored anywhere. Of two numbers that could be meant
        the longer one is taken. A number with letters or digits glued to it is not found.
        """
        runs = _runs(lines)
        found: dict[str, bool] = {}
        start = 0
        while start < len(runs):
            hit = self._longest_from(runs, start)
            if hit is None:
                start += 1
                continue
            number, end = hit
            firm = not (
                (runs[start].cut_before or runs[end - 1].cut_after)
                or (number.isdigit() and len(number) < SHORT_DIGITS)
            )
            found[number] = found.get(number, False) or firm
            start = end
        return tuple(FoundNumber(number, firm) for number, firm in found.items())

    def _longest_from(self, runs: list[_Run], start: int) -> tuple[str, int] | None:
        text, seams, best = "", set[int](), None
        for end in range(start, len(runs)):
            text += runs[end].text
            if len(text) > self._longest:
                break
            if text in self._seams and seams <= self._seams[text]:
                best = (text, end + 1)
            if not runs[end].cut_after:
                seams.add(len(text))
        return best


def candidates(lines: Sequence[str], *, longest: int) -> Iterator[str]:
    """Yield everything the lines could mean as a number or reference, in normal form.

    Whatever `KnownNumbers.find` finds of at most ``longest`` characters is among it, what stands
    first in the text first; used to look numbers up where there are too many to know them all.
    """
    runs = _runs(lines)
    for start in range(len(runs)):
        text = ""
        for run in runs[start:]:
            text += run.text
            if len(text) > longest:
                break
            if is_findable(text):
                yield text


def _seams(number: str) -> frozenset[int]:
    normal = normal_form(number)
    seams: set[int] = set()
    for pattern, text in ((_RUN, _plain(number)), (_NATURAL_PART, normal)):
        length = 0
        for part in pattern.findall(text):
            length += len(part)
            seams.add(length)
    if rf_valid(normal):
        seams.update(range(4, len(normal), 4))
    if ogm_valid(normal):
        seams.update((3, 7))
    return frozenset(seams)


def _runs(lines: Sequence[str]) -> list[_Run]:
    runs: list[_Run] = []
    plain = [_plain(line) for line in lines]
    torn = [_torn(line, after) for line, after in pairwise(plain)]
    for number, line in enumerate(plain):
        torn_before = number > 0 and torn[number - 1]
        torn_after = number < len(torn) and torn[number]
        for match in _RUN.finditer(line):
            runs.append(
                _Run(
                    match[0],
                    cut_before=torn_before and match.start() == 0,
                    cut_after=torn_after and match.end() == len(line),
                )
            )
    return runs


def _torn(line: str, after: str) -> bool:
    """Whether the bank may have cut between two characters of one number.

    A line shorter than any bank's width was ended by the payer, not cut.
    """
    ends = _RUN.fullmatch(line[-1:]) is not None and _RUN.fullmatch(after[:1]) is not None
    return ends and len(line) >= _NARROWEST_CUT
