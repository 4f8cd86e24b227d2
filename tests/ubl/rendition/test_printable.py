"""What can be printed: proven with the typesetter that prints it."""

import sys

import typst
from hypothesis import given
from hypothesis import strategies as st

from ubl.rendition.printable import MISSING, breakable, is_printable, printable


def test_the_typesetters_fonts_have_every_character_called_printable() -> None:
    """PDF/A makes a missing form an error, so one that is set has them all."""
    every = "".join(filter(is_printable, map(chr, range(sys.maxunicode + 1))))
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    source = (
        '#set text(font: ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono"))\n'
        "#text(sys.inputs.every)"
    )
    compiler = typst.Compiler(source.encode(), font_paths=fonts, sys_inputs={"every": every})
    assert compiler.compile(format="pdf", pdf_standards=["a-3b"], timestamp=0)


def test_what_cannot_be_printed_is_a_box_and_is_told() -> None:
    assert printable({"a": ["株x", "Łódź €"]}) == ({"a": [f"{MISSING}x", "Łódź €"]}, True)
    assert printable({"a": "Łódź\n€", "b": 1}) == ({"a": "Łódź\n€", "b": 1}, False)


def test_marks_without_form_go_and_white_space_becomes_a_space() -> None:
    assert printable("a\u00adb\u202ec\u2066\td\u2003e\u00a0f")[0].replace(MISSING, "") == (
        "abc d e\u00a0f"
    )


@given(st.text())
def test_nothing_is_left_that_no_font_has(text: str) -> None:
    cleaned, missing = printable(text)
    assert all(is_printable(character) or character == "\n" for character in cleaned)
    assert missing == (MISSING in cleaned.replace(MISSING, "", text.count(MISSING)))


@given(st.text())
def test_breaking_changes_nothing_that_can_be_seen(text: str) -> None:
    assert breakable(text).replace("\u200b", "") == text.replace("\u200b", "")


@given(st.text(alphabet=st.characters(codec="ascii", categories=("L", "N")), min_size=30))
def test_a_word_no_line_holds_may_break_anywhere(word: str) -> None:
    assert breakable(word).split("\u200b") == list(word)
