"""The worker as the gateway uses it: spawned processes, bytes in, plain values out."""

import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

from schematron import worker
from schematron.errors import ManifestInvalid, UnknownRuleset


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


def test_entry_points_can_be_pickled():
    assert pickle.loads(pickle.dumps(worker.run)) is worker.run
    assert pickle.loads(pickle.dumps(worker.initialise)) is worker.initialise
