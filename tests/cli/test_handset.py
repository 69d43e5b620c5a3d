"""``caiyou handset`` through the shell, in English and in Chinese."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.slapd import Slapd

pytestmark = pytest.mark.live

Caiyou = Callable[..., subprocess.CompletedProcess[str]]

CHINESE = "zh_CN.UTF-8"


@pytest.fixture(scope="module")
def phones() -> Iterator[Slapd]:
    """A slapd of these tests' own: loading fills it."""
    running = Slapd()
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture
def settings_file(phones: Slapd) -> Path:
    return phones.settings_file


@pytest.fixture
def ok(caiyou: Caiyou) -> Callable[..., str]:
    def run(*arguments: str, **more: Any) -> str:
        done = caiyou("handset", *arguments, **more)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


@pytest.fixture
def refused(caiyou: Caiyou) -> Callable[..., str]:
    def run(*arguments: str, code: int = 1, **more: Any) -> str:
        done = caiyou("handset", *arguments, **more)
        assert (done.returncode, done.stdout) == (code, "")
        assert "Traceback" not in done.stderr
        return done.stderr

    return run


@pytest.fixture
def loaded(ok: Callable[..., str]) -> None:
    ok("load")


def test_loading_twice_changes_nothing(ok: Callable[..., str]) -> None:
    ok("load")
    assert ok("load").startswith("0 added, 0 brought up to date, 0 kept")
    assert ok("load", lang=CHINESE).startswith("添加 0 项，更新 0 项")
    assert json.loads(ok("load", "--json"))["added"] == 0
    assert len(ok("list").splitlines()) == json.loads(ok("load", "--json"))["unchanged"]


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    "written", ["诺基亚6600", "Nokia6600/2.0 (5.27.0)", "http://nds1.nds.nokia.com/uaprof/N6600r100.xml"]
)
def test_what_a_phone_shows(ok: Callable[..., str], written: str) -> None:
    shown = json.loads(ok("show", written, "--json"))
    assert (shown["name"], shown["screen"], shown["max_octets"], shown["mms"]) == (
        "nokia 6600",
        "176x208",
        107250,
        True,
    )
    assert shown["inherits"] == ["nokia series-60", "nokia", "oma image-basic", "mms"]
    assert "nokia series-60 > nokia > oma image-basic > mms" in ok("show", written)
    assert json.loads(ok("show", written, "--own", "--json"))["mms"] is None


@pytest.mark.usefixtures("loaded")
def test_a_profile_from_birth_to_end(ok: Callable[..., str], refused: Callable[..., str]) -> None:
    added = ok(
        "add",
        "Nokia 6670",
        "--parent",
        "nokia series-60",
        "--pictures",
        "gif,jpeg",
        "--sounds",
        "none",
        "--name",
        "小六",
    )
    assert added == "handset nokia 6670 added\n"
    shown = json.loads(ok("show", "小六", "--json"))
    assert (shown["pictures"], shown["sounds"], shown["screen"]) == (["image/gif", "image/jpeg"], [], "176x208")
    assert ok("set", "小六", "--screen", "100x80", "--mms", "no", "--source", "https://x.example/y", lang=CHINESE) == (
        "已修改手机 nokia 6670\n"
    )
    shown = json.loads(ok("show", "nokia 6670", "--json"))
    assert (shown["screen"], shown["mms"], shown["sources"]) == ("100x80", False, ["https://x.example/y"])
    ok("set", "nokia 6670", "--screen", "default", "--mms", "default", "--sounds", "default", "--colours", "256")
    shown = json.loads(ok("show", "nokia 6670", "--json"))
    assert (shown["screen"], shown["mms"], shown["sounds"], shown["colours"]) == (
        "176x208",
        True,
        ["audio/amr", "audio/midi"],
        256,
    )
    assert ok("remove", "nokia 6670", lang=CHINESE) == "已删除手机 nokia 6670\n"
    assert refused("show", "no such phone") == "caiyou: handset no such phone does not exist\n"
    assert refused("show", "没有这手机", lang=CHINESE) == "caiyou: 手机 没有这手机 不存在\n"


@pytest.mark.usefixtures("loaded")
def test_what_is_wrong_is_said_in_one_line(refused: Callable[..., str]) -> None:
    assert "5x5" in refused("set", "nokia 6600", "--screen", "5x5")
    assert "jpeg, gif, png, wbmp" in refused("set", "nokia 6600", "--pictures", "webp", code=2)
    assert "whole number" in refused("set", "nokia 6600", "--colours", "many", code=2)
    assert "yes" in refused("set", "nokia 6600", "--mms", "maybe", code=2)
    assert "inherit from" in refused("remove", "nokia")
    assert "inherit from itself" in refused("set", "nokia", "--parent", "nokia 6600")
    assert "already" in refused("add", "N 6600")
    assert refused("set", "nokia 6600", "--screen", "5x5", lang=CHINESE).startswith("caiyou: '5x5' 不是屏幕尺寸")


@pytest.mark.usefixtures("loaded")
def test_what_an_admin_did_survives_loading(ok: Callable[..., str], refused: Callable[..., str]) -> None:
    ok("set", "nokia 7650", "--max-octets", "50000")
    ok("remove", "motorola v8")
    assert "2 kept" in ok("load")
    assert json.loads(ok("show", "nokia 7650", "--json"))["max_octets"] == 50_000
    refused("set", "motorola v8", "--colours", "4")


@pytest.mark.usefixtures("loaded")
def test_a_file_of_ones_own(ok: Callable[..., str], refused: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(
        '[vendor.xx]\nnames = ["某牌"]\n[model."xx 100"]\nparent = "xx"\nscreen = "64x64"\n', encoding="utf-8"
    )
    assert ok("load", str(file)).startswith("2 added")
    assert json.loads(ok("show", "某牌100", "--json"))["screen"] == "64x64"
    file.write_text('[model."xx 200"]\nscreen = "wide"\n')
    assert "xx 200" in refused("load", str(file))
    refused("set", "xx 200", "--colours", "4")
    file.write_text('[model."xx 200"]\ncolours = "many"\n')
    assert "colours" in refused("load", str(file))
    file.write_text('[model.y]\nparent = "z"\n')
    assert "z" in refused("load", str(file))
    file.write_bytes(b"\xff\xfe")
    assert "UTF-8" in refused("load", str(file))
    refused("load", str(tmp_path / "none.toml"), code=2)


@pytest.mark.usefixtures("loaded")
def test_lists_by_kind(ok: Callable[..., str]) -> None:
    classes = json.loads(ok("list", "--kind", "class", "--json"))
    assert {"oma text", "oma image-basic", "oma content-rich"} <= {each["name"] for each in classes}
    assert {each["kind"] for each in classes} == {"class"}


@pytest.mark.usefixtures("loaded")
def test_a_user_has_a_phone(caiyou: Caiyou) -> None:
    def run(*arguments: str, **more: Any) -> str:
        done = caiyou(*arguments, **more)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    run("domain", "add", "phones.test")
    run("user", "add", "a@phones.test", "--no-password", "--handset", "诺基亚6600")
    assert json.loads(run("user", "show", "a@phones.test", "--json"))["handset"] == "诺基亚6600"
    assert run("user", "set", "a@phones.test", "--handset", "N95") == "user a@phones.test changed\n"
    assert "nobody knows this phone" in run("user", "set", "a@phones.test", "--handset", "FooPhone 9")
    assert "按默认档案处理" in run("user", "set", "a@phones.test", "--handset", "FooPhone 9", lang=CHINESE)
    run("user", "set", "a@phones.test", "--handset", "")
    assert json.loads(run("user", "show", "a@phones.test", "--json"))["handset"] == ""


def test_help_speaks_both_languages(caiyou: Caiyou) -> None:
    assert "Handset profiles" in caiyou("handset", "--help").stdout
    shown = caiyou("handset", "set", "--help", lang=CHINESE).stdout
    assert "修改一个手机档案" in shown
    assert "显示图片的屏幕" in shown
    assert "handset" in caiyou("--help").stdout
