"""English or Chinese, by LANGUAGE, LC_ALL, LC_MESSAGES or LANG; click speaks from the same catalogue."""

from __future__ import annotations

import gettext
from pathlib import Path

DOMAIN = "caiyou"
FOLDER = Path(__file__).parent.parent / "locale"


def speak() -> None:
    """Choose the language; before the modules with texts are imported."""
    gettext.bindtextdomain(DOMAIN, str(FOLDER))
    gettext.textdomain(DOMAIN)
