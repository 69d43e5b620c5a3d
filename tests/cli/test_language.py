"""The command line in Chinese: every text is translated, and the compiled catalogue is the one that is written."""

from __future__ import annotations

import ast
import gettext
import re
import string
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CAIYOU = Path(__file__).parents[2] / "caiyou"
FOLDERS = (
    CAIYOU / "cli",
    CAIYOU / "directory",
    *(CAIYOU.parent / part for part in ("mail2sms/cli", "mms_builder/cli", "mms_builder/handsets")),
)
CATALOGUE = CAIYOU / "locale" / "zh_CN" / "LC_MESSAGES" / "caiyou.po"

Caiyou = Callable[..., subprocess.CompletedProcess[str]]


def texts() -> Iterator[str]:
    """Every text that the sources hand to gettext."""
    for folder in FOLDERS:
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                    (argument,) = node.args
                    assert isinstance(argument, ast.Constant), f"{path}:{node.lineno}: gettext needs a literal"
                    yield str(argument.value)


def written() -> dict[str, str]:
    """The catalogue as it is written; plural forms by their singular."""
    found = {}
    for block in CATALOGUE.read_text(encoding="utf-8").split("\n\n"):
        lines = dict(re.findall(r'^(msgid|msgstr)(?:\[0\])? (".*")$', block, re.M))
        if lines and ast.literal_eval(lines["msgid"]):
            found[ast.literal_eval(lines["msgid"])] = ast.literal_eval(lines["msgstr"])
    return found


@pytest.fixture(scope="module")
def chinese() -> gettext.GNUTranslations:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def test_every_text_is_translated(chinese: gettext.GNUTranslations) -> None:
    missing = sorted({text for text in texts() if chinese.gettext(text) == text})
    assert missing == []


def test_the_compiled_catalogue_is_the_written_one(chinese: gettext.GNUTranslations) -> None:
    stale = [
        text
        for text, translation in written().items()
        if translation not in (chinese.gettext(text), chinese.ngettext(text, text, 1))
    ]
    assert stale == [], "compile it: msgfmt -c -o caiyou.mo caiyou.po"
    assert len(written()) > 200


def test_a_translation_has_the_places_of_its_text() -> None:
    for text, translation in written().items():
        places = {name for _, name, _, _ in string.Formatter().parse(text) if name}
        theirs = {name for _, name, _, _ in string.Formatter().parse(translation) if name}
        assert theirs <= places | {"choices", "possibilities", "nargs", "len"}, text
        assert places <= theirs | {"choice", "possibility"}, text


@pytest.mark.live
def test_it_speaks_the_language_of_the_environment(caiyou: Caiyou) -> None:
    shown = caiyou("user", "add", "--help", lang="zh_CN.UTF-8").stdout
    assert "添加用户" in shown
    assert "显示本说明后退出" in shown
    assert "caiyou user add alice@example.test" in shown
    refused = caiyou("user", "show", "nobody@example.test", lang="zh_CN.UTF-8")
    assert (refused.returncode, refused.stderr) == (1, "caiyou: 用户 nobody@example.test 不存在\n")
    assert "添加用户" not in caiyou("user", "add", "--help", lang="de_DE.UTF-8").stdout
