from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from caiyou.spool import PAGE, Spool, read


def test_records_come_back_in_order_a_page_at_a_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "deep" / "x.sqlite3")
    assert spool.empty
    written = [f"record {i}" for i in range(PAGE + 5)]
    for record in written:
        spool.add(record)
    first = spool.page()
    assert [text for _, text in first] == written[:PAGE]
    spool.remove_to(first[-1][0])
    assert [text for _, text in spool.page()] == written[PAGE:]
    spool.close()

    again = Spool(tmp_path / "deep" / "x.sqlite3")
    assert list(read(tmp_path / "deep" / "x.sqlite3")) == written[PAGE:]
    again.remove_to(again.page()[-1][0])
    assert again.empty
    again.add("later")  # ids are not used again
    assert again.page()[0][0] == PAGE + 6
    again.close()


def test_a_refused_record_is_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    spool = Spool(path)
    spool.add("good")
    spool.add("bad")
    spool.refuse(2, "why")
    assert [text for _, text in spool.page()] == ["good"]
    spool.close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT json, why FROM refused").fetchall() == [("bad", "why")]
    db.close()


def test_only_one_replays_at_a_time(tmp_path: Path) -> None:
    one, two = Spool(tmp_path / "x.sqlite3"), Spool(tmp_path / "x.sqlite3")
    with one.replaying() as mine, two.replaying() as too:
        assert (mine, too) == (True, False)
    with two.replaying() as mine:
        assert mine
    one.close()
    two.close()


def test_others_cannot_read_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "x.sqlite3")
    spool.add("subject and text")
    files = sorted(tmp_path.glob("x.sqlite3*"))
    assert len(files) >= 2
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files} == {0}
    spool.close()


def test_the_file_of_a_long_outage_shrinks_again(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    spool = Spool(path)
    for _ in range(100):
        spool.add("x" * 50_000)
    spool.remove_to(100)
    spool.close()
    assert path.stat().st_size < 100_000


def test_a_file_that_is_no_spool_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        Spool(path)
    with pytest.raises(sqlite3.Error):
        list(read(path))
    with pytest.raises(sqlite3.Error):
        list(read(tmp_path / "none.sqlite3"))
