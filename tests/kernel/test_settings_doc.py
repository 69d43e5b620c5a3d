from __future__ import annotations

from pathlib import Path

from caiyou.settings_doc import markdown

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_of_settings_is_what_the_models_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "run: python -m caiyou.settings_doc > docs/settings.md"
