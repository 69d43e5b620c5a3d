"""The settings that the documentation shows are taken as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from caiyou.settings import load
from mail2sms.settings import SmsSettings
from sandbox.layout import CHECKOUT

BLOCKS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in sorted((CHECKOUT / "docs").glob("*.md"))
    for number, block in enumerate(re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S), 1)
    if "[sms" in block
]


@pytest.mark.parametrize("block", BLOCKS)
def test_settings_in_the_documentation_are_right(tmp_path: Path, block: str) -> None:
    path = tmp_path / "caiyou.toml"
    path.write_text(block, encoding="utf-8")
    assert load(path).table(SmsSettings).links
