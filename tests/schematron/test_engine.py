"""The engine finishes or fails: nothing in between, nothing outside, nothing in the log."""

import pytest

from schematron.engine import Engine, shared
from schematron.errors import EngineFailed

XSL = "http://www.w3.org/1999/XSL/Transform"


def stylesheet(body: str) -> bytes:
    return (
        f'<xsl:stylesheet xmlns:xsl="{XSL}" version="3.0" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" exclude-result-prefixes="xs">'
        f'<xsl:template match="/">{body}</xsl:template></xsl:stylesheet>'
    ).encode()


@pytest.fixture(scope="module")
def engine() -> Engine:
    return shared()


def run(engine: Engine, body: str, document: str = "<a>Café 😀</a>") -> bytes:
    return engine.run(body, lambda: stylesheet(body), document=document)


def test_result_is_utf8(engine):
    assert "<o>Café 😀</o>".encode() in run(engine, '<o><xsl:value-of select="/a"/></o>')


def test_one_engine_per_process(engine):
    assert shared() is engine


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ('<o><xsl:value-of select="xs:decimal(/a)"/></o>', "FORG0001"),
        ('<o><xsl:value-of select="error()"/></o>', "FOER0000"),
        ('<o/><xsl:message terminate="yes">stop</xsl:message>', "XTMM9000"),
        ("<o><xsl:value-of select=\"doc('file:///etc/passwd')\"/></o>", "prohibited"),
        ("<o><xsl:value-of select=\"doc('http://127.0.0.1:9/x')\"/></o>", "prohibited"),
        ("<o><xsl:value-of select=\"unparsed-text('file:///etc/passwd')\"/></o>", "prohibited"),
        ("<o><xsl:value-of select=\"collection('file:///etc')\"/></o>", "disallowed"),
        ('<xsl:result-document href="file:///tmp/x.xml"><a/></xsl:result-document>', "disabled"),
        ('<o><xsl:value-of select="/a +"/></o>', "XPST0003"),
    ],
)
def test_what_goes_wrong_or_outside_fails(engine, body, word):
    with pytest.raises(EngineFailed, match=word):
        run(engine, body)


@pytest.mark.parametrize("select", ["environment-variable('PATH')", "system-property('user.home')"])
def test_the_surroundings_stay_hidden(engine, select):
    assert b"<o/>" in run(engine, f'<o><xsl:value-of select="{select}"/></o>')


def test_includes_are_refused(engine, tmp_path):
    other = tmp_path / "other.xsl"
    other.write_bytes(stylesheet("<o/>"))
    text = f'<xsl:stylesheet xmlns:xsl="{XSL}" version="3.0"><xsl:include href="{other.as_uri()}"/>'
    with pytest.raises(EngineFailed, match="prohibited"):
        engine.run("include", f"{text}</xsl:stylesheet>".encode, document="<a/>")


def test_an_external_entity_is_refused_whatever_ran_before(engine, tmp_path):
    """Saxon forgets its lock on files after fn:parse-xml; the document type stays refused."""
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    document = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'
    inside = f"<a>{document.replace('&', '&amp;').replace('<', '&lt;')}</a>"
    for _ in range(2):
        with pytest.raises(EngineFailed, match="DOCTYPE"):
            run(engine, '<o><xsl:value-of select="/a"/></o>', document)
        with pytest.raises(EngineFailed, match="FODC0006"):
            run(engine, '<o><xsl:value-of select="parse-xml(/a)"/></o>', inside)
        run(engine, '<o><xsl:value-of select="count(parse-xml(/a))"/></o>', "<a>&lt;b/&gt;</a>")


def test_no_result_is_a_failure(engine):
    body = f'<xsl:stylesheet xmlns:xsl="{XSL}" version="3.0"><xsl:output method="text"/>'
    text = f'{body}<xsl:template match="/"/></xsl:stylesheet>'
    with pytest.raises(EngineFailed, match="without a result"):
        engine.run("nothing", text.encode, document="<a/>")


def test_native_complaints_do_not_reach_the_log(engine, capfd):
    with pytest.raises(EngineFailed):
        run(engine, '<o><xsl:value-of select="xs:decimal(/a)"/></o>', "<a>secret amount</a>")
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out == ""


def test_a_failure_does_not_spoil_the_next_run(engine):
    body = '<o><xsl:value-of select="xs:decimal(/a) + 1"/></o>'
    with pytest.raises(EngineFailed):
        run(engine, body, "<a>x</a>")
    assert b"<o>3</o>" in run(engine, body, "<a>2</a>")


def test_rule_sets_are_compiled_once_and_the_oldest_forgotten():
    engine = Engine(max_executables=2)
    loads: list[str] = []

    def use(name: str) -> None:
        def load() -> bytes:
            loads.append(name)
            return stylesheet("<o/>")

        engine.run(name, load, document="<a/>")

    for name in ("one", "two", "one", "three", "one", "two"):
        use(name)
    assert loads == ["one", "two", "three", "two"]


LAZY = f"""<xsl:stylesheet xmlns:xsl="{XSL}" version="3.0"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:f="urn:f" exclude-result-prefixes="xs f">
<xsl:function name="f:is-day" as="xs:boolean"><xsl:param name="day" as="xs:string"/>
  <xsl:variable name="month" select="xs:decimal(substring($day, 6, 2))"/>
  <xsl:variable name="last"
    select="if ($month = 2) then 28 else if ($month = (4, 6, 9, 11)) then 30 else 31"/>
  <xsl:sequence select="LOOKS-RIGHT xs:decimal(substring($day, 9, 2)) le $last"/>
</xsl:function>
<xsl:template match="/"><r><xsl:value-of select="f:is-day(/a)"/></r></xsl:template>
</xsl:stylesheet>"""
DAYS = ["?", *["2026-10-05"] * 60, "?"]


def test_a_verdict_does_not_depend_on_the_documents_before():
    """Saxon learns to work out a variable at once, also where no test would have needed it."""
    engine, text = Engine(), LAZY.replace("LOOKS-RIGHT", "matches($day, '^[0-9]{4}-') and")
    for day in DAYS:
        answer = engine.run("lazy", text.encode, document=f"<a>{day}</a>")
        assert (b"<r>false</r>" if day == "?" else b"<r>true</r>") in answer


def test_a_value_that_a_test_needs_stops_the_run_every_time():
    engine, text = Engine(), LAZY.replace("LOOKS-RIGHT", "")
    for day in DAYS:
        if day == "?":
            with pytest.raises(EngineFailed, match="FORG0001"):
                engine.run("lazy", text.encode, document=f"<a>{day}</a>")
        else:
            assert b"<r>true</r>" in engine.run("lazy", text.encode, document=f"<a>{day}</a>")
