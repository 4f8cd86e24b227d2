"""The worker as the gateway uses it: spawned processes, bytes in, plain values out."""

import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

from schematron import worker
from schematron.errors import ManifestInvalid, UnknownRuleset
from schematron.store import RuleStore


def test_a_spawned_worker_validates(invoice):
    with ProcessPoolExecutor(
        1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=worker.initialise,
    ) as pool:
        good = pool.submit(worker.run, invoice.encode(), as_of="2026-11-02", file="a.xml")
        bad = pool.submit(worker.run, b"nothing", as_of="2026-11-02", lang="de")
        wrong = pool.submit(worker.run, b"<a/>", as_of="2026-11-02", rules=("nonsense",))
        report = good.result(timeout=120)
        assert report["valid"] is True
        assert report["file"] == "a.xml"
        assert json.loads(json.dumps(report)) == report
        assert bad.result(timeout=120)["verdict"] == "unreadable"
        assert isinstance(wrong.exception(timeout=120), UnknownRuleset)


def test_it_says_when_it_was_not_initialised(monkeypatch):
    monkeypatch.setattr(worker, "_state", None)
    with pytest.raises(RuntimeError, match="not initialised"):
        worker.run(b"<a/>", as_of="2026-11-02")


def test_a_wrong_folder_stops_the_start(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "_state", None)
    with pytest.raises(ManifestInvalid, match=str(tmp_path)):
        worker.initialise(str(tmp_path))


def test_warm_up_compiles_all_sets(monkeypatch, invoice):
    monkeypatch.setattr(worker, "_state", None)
    worker.initialise(warm=("cen-ubl-1.3.16", "no-such-set"))
    assert worker.run(invoice.encode(), as_of="2026-11-02")["valid"] is True


def test_rules_put_into_the_store_are_used_by_the_next_document(monkeypatch, tmp_path):
    """CII invoices have no rules in a plain install, until somebody imports some."""
    monkeypatch.setattr(worker, "_state", None)
    worker.initialise(None, str(tmp_path))
    known = worker._state.registry
    worker.run(b"<a/>", as_of="2026-11-02")
    assert worker._state.registry is known
    RuleStore(tmp_path).put(b"anything")
    worker.run(b"<a/>", as_of="2026-11-02")
    assert worker._state.registry is not known


def test_a_store_that_became_unreadable_leaves_the_rules_as_they_were(monkeypatch, tmp_path):
    monkeypatch.setattr(worker, "_state", None)
    worker.initialise(None, str(tmp_path))
    known = worker._state.registry
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "broken-1.toml").write_text("this is = no [manifest")
    assert worker.run(b"<a/>", as_of="2026-11-02")["verdict"] == "undetermined"
    assert worker._state.registry is known


def test_entry_points_can_be_pickled():
    assert pickle.loads(pickle.dumps(worker.run)) is worker.run
    assert pickle.loads(pickle.dumps(worker.initialise)) is worker.initialise
