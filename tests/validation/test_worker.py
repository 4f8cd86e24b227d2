"""The rule engine in the gateway's process pool: a rule that never ends, one that swells."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import GatewayError
from gateway.core.pool import POOL_TIMEOUT, ComputePool
from gateway.validation import worker
from gateway.validation.errors import RULESET_UNKNOWN
from schematron.store import RuleStore

NAME = "urn:example:endless"

# Counts for longer than anybody waits, without a growing stack.
ENDLESS = b"""<xsl:stylesheet version="3.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
  xmlns:svrl="http://purl.oclc.org/dsdl/svrl"><xsl:template match="/">
<svrl:schematron-output><svrl:active-pattern/><xsl:iterate select="1 to 2000000000">
<xsl:param name="sum" select="0"/><xsl:on-completion><xsl:value-of select="$sum"/>
</xsl:on-completion><xsl:next-iteration><xsl:with-param name="sum" select="$sum + . mod 7"/>
</xsl:next-iteration></xsl:iterate></svrl:schematron-output></xsl:template></xsl:stylesheet>"""

MANIFEST = """
[[scenario]]
title = "Endless"
syntax = ["ubl-invoice"]
exact = "{name}"
rules = ["endless"]

[[ruleset]]
id = "endless-1"
title = "Endless"
family = "endless"
syntax = ["ubl-invoice"]
publisher = "Nobody"
version = "1"

[[ruleset.source]]
kind = "file"
path = "endless.xslt"
sha256 = "{sha256}"
"""

UBL = "urn:oasis:names:specification:ubl:schema:xsd"
INVOICE = f"""<Invoice xmlns="{UBL}:Invoice-2" xmlns:cbc="{UBL}:CommonBasicComponents-2">
<cbc:CustomizationID>{NAME}</cbc:CustomizationID></Invoice>""".encode()


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[ComputePool[dict[str, Any]]]:
    store = RuleStore(tmp_path / "rules")
    store.put(ENDLESS)
    digest = hashlib.sha256(ENDLESS).hexdigest()
    store.put_set("endless-1", MANIFEST.format(name=NAME, sha256=digest))
    pool: ComputePool[dict[str, Any]] = ComputePool(
        worker.initialise,
        worker.check,
        initial=(None, str(tmp_path / "rules"), ()),
        workers=1,
        timeout_s=60,
        rss_limit_mb=1500,
        queue_limit=4,
    )
    yield pool
    await pool.close()


async def test_an_endless_rule_is_ended_and_the_next_document_served(pool):
    by_name = {"as_of": "2026-11-02", "rules": ("endless-1",)}
    pool._timeout_s = 2
    with pytest.raises(GatewayError) as ended:
        await pool.run(INVOICE, by_name)
    assert ended.value.kind == POOL_TIMEOUT
    pool._timeout_s = 60
    report = await pool.run(INVOICE, {"as_of": "2026-11-02", "rules": ("xsd",)})
    assert report["verdict"] == "invalid"
    assert report["rulesets"][0]["id"] == "xsd"


async def test_a_rule_set_nobody_knows_is_the_callers_error(pool):
    with pytest.raises(GatewayError) as refused:
        await pool.run(INVOICE, {"as_of": "2026-11-02", "rules": ("nonsense",)})
    assert refused.value.kind == RULESET_UNKNOWN
    assert "nonsense" in refused.value.message
