"""Every message of the corpora (real mail from the test data of other mail software) gives the expected digest."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from caiyou.mime import digest_message

CORPORA = Path(os.environ.get("CAIYOU_CORPORA") or Path(__file__).parents[2].parent / "shared" / "corpora")
INDEX = CORPORA / "mail" / "index.tsv"


def rows() -> list[dict[str, str]]:
    if not INDEX.exists():
        return []
    with INDEX.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.skipif(not INDEX.exists(), reason="no corpora here; set CAIYOU_CORPORA")
@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['level']}-{row['file']}")
def test_corpora_digest(row: dict[str, str]) -> None:
    found = digest_message((CORPORA / "mail" / row["file"]).read_bytes())
    subject, sender, text = row["expected_subject"], row["expected_from"], row["expected_text20"]
    if subject != "-":
        cut = subject.removesuffix("…")
        assert (found.subject[: len(cut)] if len(cut) > 100 else found.subject) == (cut if len(cut) > 100 else subject)
    if sender != "-":
        name, address = found.header_from, found.header_from_address
        assert sender == (name if name == address or not address else f"{name} <{address}>")
    if text != "-":
        assert "".join(found.text.split()).startswith(text)
