"""Runs of checks: who may ask, what is kept, what is nobody else's."""

import subprocess
import sys
import uuid
from datetime import date, timedelta

import pytest

from gateway.core.errors import GatewayError
from gateway.core.pool import POOL_BUSY, POOL_CRASHED, POOL_FAILED, POOL_MEMORY, POOL_TIMEOUT
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import render_invoice
from gateway.validation.idempotency import Once
from gateway.validation.queries import RunFilters, list_runs
from gateway.validation.service import DEFAULTS, CheckOptions

INVOICE = render_invoice(number="VT-7", seller=SELLER, buyer=BUYER, issued=date(2026, 11, 22))


async def listed(checks, caller=None, *, before=None, limit=50, **filters):
    async with checks.database.read() as session:
        tenant = (caller or checks.own).tenant_id
        return await list_runs(session, tenant, RunFilters(**filters), before=before, limit=limit)


async def test_a_run_is_kept_and_found_by_its_own_account_only(checks):
    run = await checks.service.validate(checks.own, b"<nothing/>", file_name="n.xml")
    assert run.verdict == run.report["verdict"]
    assert run.report["file"] == "n.xml"
    assert (await checks.service.find(checks.own, run.id)).report == run.report
    for caller, run_id in ((checks.other, run.id), (checks.own, uuid.uuid4())):
        with pytest.raises(GatewayError) as refused:
            await checks.service.find(caller, run_id)
        assert refused.value.code == "NOT-FOUND"


async def test_the_business_date_decides_not_the_machines(checks):
    await checks.service.validate(checks.own, b"<nothing/>")
    earlier = CheckOptions(as_of=date(2026, 1, 1))
    await checks.service.validate(checks.own, b"<nothing/>", options=earlier)
    # 23:30 UTC is past midnight in Brussels
    assert [one["as_of"] for one in checks.pool.asked] == ["2026-11-22", "2026-01-01"]


async def test_an_unknown_language_is_english(checks):
    for lang in ("de", "tlh"):
        await checks.service.validate(checks.own, b"<a/>", options=CheckOptions(lang=lang))
    assert [one["lang"] for one in checks.pool.asked] == ["de", "en"]


async def test_exactly_the_rules_asked_for_are_run(checks):
    options = CheckOptions(rules=("xsd", "cen-ubl-1.3.16"))
    run = await checks.service.validate(checks.own, INVOICE, options=options)
    assert {one["id"] for one in run.report["rulesets"]} == {"xsd", "cen-ubl-1.3.16"}
    with pytest.raises(GatewayError) as refused:
        await checks.service.validate(checks.own, INVOICE, options=CheckOptions(rules=("no-1",)))
    assert (refused.value.code, refused.value.kind.status) == ("VALIDATION-RULESET", 422)


async def test_without_the_scope_nothing_is_checked(checks, caller_without):
    bare = caller_without(checks.own)
    for check in (checks.service.validate, checks.service.look_over):
        with pytest.raises(GatewayError, match="ACCESS-SCOPE"):
            await check(bare, b"<nothing/>", file_name="", options=DEFAULTS)
    assert checks.pool.asked == []


@pytest.mark.parametrize("kind", [POOL_BUSY, POOL_TIMEOUT, POOL_MEMORY, POOL_CRASHED, POOL_FAILED])
async def test_who_waits_for_the_answer_gets_an_error_and_no_run(checks, kind):
    checks.pool.failing = kind
    with pytest.raises(GatewayError) as refused:
        await checks.service.validate(checks.own, b"<nothing/>")
    assert refused.value.kind == kind
    assert await listed(checks) == []


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (POOL_TIMEOUT, "ENGINE-TIMEOUT"),
        (POOL_MEMORY, "ENGINE-MEMORY"),
        (POOL_CRASHED, "ENGINE-CRASHED"),
        (POOL_FAILED, "ENGINE-CRASHED"),
    ],
)
async def test_at_the_console_an_ended_worker_is_a_run_that_says_so(checks, kind, rule):
    checks.pool.failing = kind
    run = await checks.service.look_over(
        checks.own, INVOICE, file_name="a.xml", options=CheckOptions(lang="fr")
    )
    assert (run.verdict, run.report["valid"]) == ("engine-error", False)
    (finding,) = run.report["findings"]
    assert (finding["rule"], finding["severity"]) == (rule, "fatal")
    assert finding["message"].endswith("rien ne peut être dit sur le document.")
    assert len(run.sha256) == 64
    assert (await listed(checks))[0].id == run.id


async def test_at_the_console_a_full_pool_is_still_an_error(checks):
    checks.pool.failing = POOL_BUSY
    with pytest.raises(GatewayError, match="POOL-BUSY"):
        await checks.service.look_over(checks.own, INVOICE, file_name="", options=DEFAULTS)


async def test_under_one_key_a_check_happens_once(checks):
    once = Once.of("k", [("", "00")], {})
    first = await checks.service.validate(checks.own, INVOICE, once=once)
    second = await checks.service.validate(checks.own, INVOICE, once=once)
    elsewhere = await checks.service.validate(checks.other, INVOICE, once=once)
    assert first.id == second.id != elsewhere.id
    assert len(checks.pool.asked) == 2
    with pytest.raises(GatewayError, match="IDEMPOTENCY-CONFLICT"):
        await checks.service.validate(checks.own, b"<a/>", once=Once.of("k", [("", "01")], {}))


async def test_two_at_once_under_one_key_get_one_run(checks, monkeypatch):
    once = Once.of("k", [("", "00")], {})
    first = await checks.service.validate(checks.own, INVOICE, once=once)
    replay, calls = checks.service._replay, []

    async def blind_at_first(caller, wanted):
        calls.append(wanted)
        return None if len(calls) == 1 else await replay(caller, wanted)

    monkeypatch.setattr(checks.service, "_replay", blind_at_first)
    assert (await checks.service.validate(checks.own, INVOICE, once=once)).id == first.id
    assert len(await listed(checks)) == 1


async def test_runs_are_listed_newest_first_in_pages(checks):
    for number in range(3):
        await checks.service.validate(checks.own, b"<a/>", file_name=str(number))
    first = await listed(checks, limit=2)
    rest = await listed(checks, before=first[-1].id)
    assert [one.file_name for one in (*first, *rest)] == ["2", "1", "0"]
    assert await listed(checks, checks.other) == []


async def test_runs_are_found_by_what_they_are_about(checks):
    good = await checks.service.validate(checks.own, INVOICE, file_name="100%_good.xml")
    await checks.service.validate(checks.own, b"<a/>", file_name="other.xml")
    sender = good.report["document"]["sender"]
    assert (good.sender, good.number, good.syntax) == (sender, "VT-7", "ubl-invoice")
    for narrowed in (
        {"verdict": good.verdict},
        {"sender": sender[:6].lower()},
        {"file_name": "0%_g"},
        {"ruleset": "xsd"},
        {"sha256": good.sha256},
        {"text": "vt-7"},
        {"verdict": good.verdict, "text": "GOOD", "since": good.created_at},
    ):
        assert [one.id for one in await listed(checks, **narrowed)] == [good.id], narrowed
    for narrowed in (
        {"ruleset": "xs"},
        {"file_name": "0_%g"},
        {"until": good.created_at},
        {"since": good.created_at + timedelta(seconds=1)},
    ):
        assert await listed(checks, **narrowed) == [], narrowed


async def test_every_report_is_told_to_the_figures(checks):
    run = await checks.service.validate(checks.own, INVOICE)
    assert checks.seen == [run.report]


async def test_odd_names_are_kept_as_far_as_a_database_can(checks):
    name = "\udcff\x00" + "n" * 400
    run = await checks.service.validate(checks.own, b"<a/>", file_name=name)
    found = await checks.service.find(checks.own, run.id)
    assert found.file_name == "?" + "n" * 299


def test_the_server_process_loads_no_engine():
    code = "import sys, gateway.app; raise SystemExit('saxonche' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
