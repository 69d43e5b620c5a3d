from pathlib import Path

from sandbox.carriers.journal import Journal


def test_records_come_back_in_pages(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert [journal.add({"text": text}) for text in "甲乙丙丁"] == [1, 2, 3, 4]
    assert journal.after(0, 2) == [{"n": 1, "text": "甲"}, {"n": 2, "text": "乙"}]
    assert journal.after(2, 100) == [{"n": 3, "text": "丙"}, {"n": 4, "text": "丁"}]
    assert journal.after(4, 100) == []
    assert journal.last(1) == [{"n": 4, "text": "丁"}]
    assert journal.last(100) == journal.after(0, 100)
    journal.close()


def test_next_process_goes_on_where_the_last_was_killed(tmp_path: Path) -> None:
    killed = Journal(tmp_path)  # never closed
    killed.add({"text": "one"})
    killed.add({"text": "two"})
    killed.flush()
    killed.add({"text": "not flushed, so not answered"})
    journal = Journal(tmp_path)
    assert len(journal) == 2
    assert journal.add({"text": "three"}) == 3
    assert [record["text"] for record in journal.after(0, 10)] == ["one", "two", "three"]
    journal.close()


def test_line_cut_by_a_kill_is_dropped(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add({"text": "one"})
    journal.close()
    with (tmp_path / "submits.jsonl").open("ab") as file:
        file.write(b'{"n":2,"te')
    journal = Journal(tmp_path)
    assert len(journal) == 1
    journal.add({"text": "two"})
    assert [record["text"] for record in journal.after(0, 10)] == ["one", "two"]
    journal.close()


def test_full_file_is_put_aside_and_numbers_go_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_file_octets=100)  # a line has 44 to 45 octets: three to a file
    for number in range(20):
        journal.add({"text": f"{number:030}"})
        journal.flush()
    assert [record["n"] for record in journal.after(0, 100)] == [19, 20]
    assert journal.after(19, 100) == [{"n": 20, "text": f"{19:030}"}]
    assert (tmp_path / "submits.1.jsonl").read_bytes().count(b"\n") == 3
    journal.close()
    again = Journal(tmp_path, max_file_octets=100)
    assert again.add({"text": "last"}) == 21
    assert again.last(1) == [{"n": 21, "text": "last"}]
    again.close()
