"""The watched folder: whole files are taken, moved aside and never lost; half ones wait."""

import os

import pytest

from gateway.core.errors import STORAGE_FULL, GatewayError
from gateway.receivables import bank_folder
from gateway.receivables.bank_folder import BankFolder


@pytest.fixture
def drop(bank_house, tmp_path):
    """The folder of the account."""
    folder = tmp_path / "bank" / "acme"
    folder.mkdir(parents=True)
    return folder


def watcher(house, drop, desk=None):
    return BankFolder(folder=drop.parent, database=house.database, desk=desk or house.desk)


def names(folder):
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


async def test_a_file_is_taken_when_it_has_stopped_growing(bank_house, drop, camt):
    watch = watcher(bank_house, drop)
    content = camt.message("054", "N1", [camt.entry(10_000)])
    path = drop / "day.xml"
    path.write_bytes(content[:200])
    assert await watch.look() == 0
    with path.open("ab") as file:
        file.write(content[200:])
    assert await watch.look() == 0
    assert await watch.look() == 1
    assert names(drop) == ["done/day.xml"]
    assert (drop / "done" / "day.xml").read_bytes() == content
    assert len(await bank_house.rows()) == 1
    assert await watch.look() == 0


async def test_a_refused_file_lies_beside_its_reason(bank_house, drop):
    watch = watcher(bank_house, drop)
    (drop / "bad.XML").write_bytes(b"<Invoice/>")
    await watch.look()
    assert await watch.look() == 1
    assert names(drop) == ["refused/bad.XML", "refused/bad.XML.txt"]
    reason = (drop / "refused" / "bad.XML.txt").read_text()
    assert reason.startswith("BANK-NOT-CAMT: ")


async def test_what_is_no_plain_file_of_an_account_is_left_alone(bank_house, drop, camt, tmp_path):
    content = camt.message("054", "N1", [camt.entry(10_000)])
    outside = tmp_path / "outside.xml"
    outside.write_bytes(content)
    (drop / "link.xml").symlink_to(outside)
    (drop / ".hidden.xml").write_bytes(content)
    (drop / "notes.txt").write_bytes(content)
    (drop / "folder.xml").mkdir()
    os.mkfifo(drop / "pipe.xml")
    nobody = drop.parent / "nobody"
    nobody.mkdir()
    (nobody / "day.xml").write_bytes(content)
    (drop.parent / "linked").symlink_to(drop, target_is_directory=True)
    watch = watcher(bank_house, drop)
    for _ in range(3):
        assert await watch.look() == 0
    assert await bank_house.rows() == []
    assert (nobody / "day.xml").exists()


async def test_a_name_used_before_is_not_overwritten(bank_house, drop, camt):
    watch = watcher(bank_house, drop)
    for number in range(3):
        content = camt.message("054", f"N{number}", [camt.entry(10_000)])
        (drop / "day.xml").write_bytes(content)
        await watch.look()
        assert await watch.look() == 1
    assert len(names(drop / "done")) == 3


async def test_a_full_disk_leaves_files_where_they_are(bank_house, drop, camt):
    class FullArchive:
        async def keep(self, *_args, **_more):
            raise GatewayError(STORAGE_FULL, "There is no room left.")

    (drop / "day.xml").write_bytes(camt.message("054", "N1", [camt.entry(10_000)]))
    watch = watcher(bank_house, drop, desk=bank_house.make_desk(archive=FullArchive()))
    await watch.look()
    with pytest.raises(GatewayError, match="STORAGE-FULL"):
        await watch.look()
    assert names(drop) == ["day.xml"]


async def test_one_bad_file_does_not_keep_the_others_waiting(bank_house, drop, camt, monkeypatch):
    (drop / "a.xml").write_bytes(camt.message("054", "N1", [camt.entry(10_000)]))
    (drop / "b.xml").write_bytes(camt.message("054", "N2", [camt.entry(10_000)]))
    take = bank_house.desk.take

    async def stumble(tenant_id, content, **more):
        if more["file_name"] == "a.xml":
            raise RuntimeError("an unforeseen fault")
        return await take(tenant_id, content, **more)

    watch = watcher(bank_house, drop)
    await watch.look()
    with monkeypatch.context() as stumbling:
        stumbling.setattr(bank_house.desk, "take", stumble)
        with pytest.raises(RuntimeError):
            await watch.look()
    assert names(drop) == ["a.xml", "done/b.xml"]
    assert await watch.look() == 1


async def test_a_file_too_large_is_refused_unread(bank_house, drop):
    with (drop / "huge.xml").open("wb") as file:
        file.truncate(bank_folder.LIMITS.max_bytes + 1)
    watch = watcher(bank_house, drop)
    await watch.look()
    await watch.look()
    assert names(drop) == ["refused/huge.xml", "refused/huge.xml.txt"]


async def test_cut_short_between_booking_and_moving(bank_house, drop, camt):
    class Cut(Exception):
        pass

    class CuttingFaults:
        def reach(self, point):
            if point == "row-committed":
                raise Cut

    content = camt.message("054", "N1", [camt.entry(10_000)])
    (drop / "day.xml").write_bytes(content)
    watch = watcher(bank_house, drop, desk=bank_house.make_desk(faults=CuttingFaults()))
    await watch.look()
    with pytest.raises(Cut):
        await watch.look()
    assert names(drop) == ["day.xml"]
    assert len(await bank_house.rows()) == 1
    watch = watcher(bank_house, drop)
    await watch.look()
    assert await watch.look() == 1
    assert names(drop) == ["done/day.xml"]
    assert len(await bank_house.rows()) == 1


async def test_no_folder_is_no_work(bank_house):
    watch = BankFolder(folder=None, database=bank_house.database, desk=bank_house.desk)
    assert await watch.look() == 0
