"""What can be printed: proven with the typesetter that prints it."""

import json
import sys

import pytest
import typst
from hypothesis import given
from hypothesis import strategies as st

from ubl.rendition.fonts import ScriptFonts, script_fonts
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


@pytest.mark.skipif(not script_fonts().folders, reason="the extra 'scripts' is not installed")
def test_the_further_fonts_have_every_character_they_say() -> None:
    fonts = script_fonts()
    assert len(fonts.characters) > 40_000
    # Setting all the Han characters takes a quarter of a minute.
    chosen = sorted(code for code in fonts.characters if code < 0x3000 or code % 50 == 0)
    every, missing = printable("".join(map(chr, chosen)), fonts.characters)
    assert not missing
    names = ("Libertinus Serif", "New Computer Modern", *fonts.in_order(""), "DejaVu Sans Mono")
    source = f"#set text(font: {json.dumps(names, ensure_ascii=False)[1:-1].join('()')})\n"
    compiler = typst.Compiler(
        f"{source}#text(sys.inputs.every)".encode(),
        font_paths=typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=True,
            font_paths=list(fonts.folders),
        ),
        sys_inputs={"every": every},
    )
    assert compiler.compile(format="pdf", pdf_standards=["a-3b"], timestamp=0)


def test_han_characters_are_drawn_as_the_text_means_them() -> None:
    fonts = ScriptFonts(families=("CJK JP", "CJK KR", "CJK SC", "Thai"))
    assert fonts.in_order("株式会社カ")[0] == "CJK JP"
    assert fonts.in_order("株式 한국")[0] == "CJK KR"
    assert fonts.in_order("株式")[0] == "CJK SC"


def test_letters_that_join_are_not_parted() -> None:
    word = "\u0627\u0644" * 20
    assert breakable(word) == word


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
