from __future__ import annotations

import itertools
import json
import subprocess
import time
from pathlib import Path

import pytest

from bench.slapd import Slapd
from bench.stack import wait_for
from caiyou.directory.admin import Admin
from tests.mail2sms.cli.conftest import COMMAND, Site

pytestmark = pytest.mark.live


def texts(site: Site, number: str) -> list[str]:
    return [each["text"] for each in site.stack.http("GET", f"/phones/{number}/messages")]


@pytest.fixture
def phone() -> str:
    """A number of the test's own."""
    return f"138{next(_FREE):08d}"


_FREE = itertools.count(1)


@pytest.fixture
def other() -> str:
    return f"139{next(_FREE):08d}"


def test_one_message_followed_to_its_end(running_site: Site, phone: str, other: str) -> None:
    done = running_site.caiyou("sms", "send", phone, "会议改到三点", "--wait", "--class", "code")
    assert done.returncode == 0, done.stderr
    id = done.stdout.strip()
    assert done.stderr.splitlines()[-1] == f"{id} 86{phone} delivered: DELIVRD"
    assert texts(running_site, phone) == ["会议改到三点"]
    found = json.loads(running_site.ok("show", id, "--json"))
    assert (found["state"], found["message_class"], found["route"]) == ("delivered", "code", "default")
    assert [event["kind"] for event in found["events"]] == ["sms.queued", "sms.submitted", "sms.delivered"]


def test_several_numbers_each_once(running_site: Site, phone: str, other: str, tmp_path: Path) -> None:
    list_ = tmp_path / "numbers.txt"
    list_.write_text(f"\ufeff# staff\n{other}\n\n{phone[:3]}-{phone[3:7]}-{phone[7:]}\n+86 {other}\n")
    lines = running_site.ok("send", phone, "--file", str(list_), "停机通知", "--class", "bulk").splitlines()
    assert [line.split()[1] for line in lines] == [f"86{phone}", f"86{other}"]
    wait_for(lambda: (texts(running_site, phone), texts(running_site, other)) == (["停机通知"], ["停机通知"]))
    sent = json.loads(running_site.ok("send", phone, other, "again", "--wait", "--json"))
    assert [(each["number"], each["state"], each["stat"]) for each in sent] == [
        (f"86{phone}", "delivered", "DELIVRD"),
        (f"86{other}", "delivered", "DELIVRD"),
    ]


@pytest.mark.parametrize("dash", [[], ["-"]])
def test_the_text_from_standard_input(running_site: Site, phone: str, dash: list[str]) -> None:
    running_site.ok("send", phone, *dash, stdin="两行\n文字\n")
    wait_for(lambda: texts(running_site, phone) == ["两行\n文字"])


def test_what_cannot_be_sent_is_told_in_one_line(running_site: Site, phone: str, other: str, tmp_path: Path) -> None:
    site = running_site
    assert "text is empty" in site.refused("send", phone, "  ")
    assert "text is empty" in site.refused("send", phone)
    assert "not a phone number" in site.refused("send", "123", "hello")
    assert "does not fit one SMS" in site.refused("send", phone, "彩" * 71, "--short")
    assert "does not fit 255 parts" in site.refused("send", phone, "彩" * 18_000)
    assert "does not fit 255 parts" in site.refused("send", phone, stdin="彩" * 30_000)
    assert "not in sms.routes (default)" in site.refused("send", phone, "hello", "--route", "nowhere")
    assert "is a number, not a text" in site.refused("send", phone, other, code=2)
    assert "a number is missing" in site.refused("send", "--text", "hello", code=2)
    for valid in ("0s", "8d", "soon", "-1h"):
        site.refused("send", phone, "hello", f"--valid={valid}", code=2)
    assert "digits" in site.refused("send", phone, "hello", "--src", "+861", code=2)
    (tmp_path / "list").write_text(f"{phone}\nnobody\n")
    assert "line 2: 'nobody' is not a phone number" in site.refused("send", "--file", str(tmp_path / "list"), "hello")
    (tmp_path / "list").write_bytes("13800138000\n张三\n".encode("gb18030"))
    assert "not UTF-8" in site.refused("send", "--file", str(tmp_path / "list"), "hello")
    done = subprocess.run(
        [COMMAND, "sms", "send", phone],
        input="彩邮".encode("gb18030"),
        capture_output=True,
        env=site.environment(),
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"caiyou: the text is not UTF-8\n")
    assert texts(site, phone) == []


def test_a_domain_pays_as_the_directory_says(site: Site) -> None:
    slapd = Slapd()
    try:
        slapd.start()
        admin = Admin(slapd.settings, "tester")
        admin.domains.add("shop.test", sms_month_fen=9)
        site.configure(f'routes.default = {{links = ["mobile"], price_fen = 5}}\n{site.stack.link()}', ldap=slapd)
        site.stack.start_redis()
        site.ok("send", "13800138000", "彩邮", "--domain", "shop.test")
        assert "may spend in a month" in site.refused("send", "13800138000", "彩邮", "--domain", "SHOP.test")
        admin.domains.set("shop.test", sms_month_fen=0)
        site.ok("send", "13800138000", "彩邮", "--domain", "shop.test")
        assert "domain other.test does not exist" in site.refused(
            "send", "13800138000", "彩邮", "--domain", "other.test"
        )
        admin.close()
        slapd.stop()
        site.refused("send", "13800138000", "彩邮", "--domain", "shop.test", code=69)
    finally:
        slapd.close()


def test_one_that_nobody_took_yet_says_so(site: Site) -> None:
    site.configure(f'routes.default = ["mobile"]\n{site.stack.link()}')
    site.stack.start_redis()
    done = site.caiyou("sms", "send", "13800138000", "hello", "--wait", "--timeout", "1s")
    assert done.returncode == 75
    assert done.stderr == f"{done.stdout.strip()} 8613800138000 queued\n"


def test_a_text_that_is_a_number(running_site: Site, phone: str, other: str) -> None:
    running_site.ok("send", phone, "--text", other)
    wait_for(lambda: texts(running_site, phone) == [other])


def test_a_number_that_sent_stop(running_site: Site, phone: str, other: str) -> None:
    running_site.stack.redis.sadd("sms:stopped", f"86{phone}")
    done = running_site.caiyou("sms", "send", phone, other, "hello")
    assert done.returncode == 1
    assert done.stderr == f"caiyou: not sent to 86{phone}: the number sent STOP\n"
    assert done.stdout.split()[1] == f"86{other}"
    running_site.ok("send", phone, "on fire", "--class", "alarm", "--wait")


def test_a_failure_is_the_exit_code(running_site: Site, phone: str, other: str) -> None:
    running_site.stack.faults(refuse_result=13)
    done = running_site.caiyou("sms", "send", phone, "hello", "--wait")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("failed: 13 dest terminal id")


def test_still_under_way_when_the_time_is_over(running_site: Site, phone: str, other: str) -> None:
    running_site.stack.faults(reports=False)
    begun = time.monotonic()
    done = running_site.caiyou("sms", "send", phone, "hello", "--wait", "--timeout", "2s")
    assert (done.returncode, done.stderr.splitlines()[-1].split()[2]) == (75, "submitted")
    assert time.monotonic() - begun < 20


def test_one_that_is_not_sent_in_time_expires(site: Site) -> None:
    site.start()
    site.stack.kill("ismg")
    wait_for(lambda: site.stack.redis.hget("link:gw1:mobile", "state") == b"down")
    done = site.caiyou("sms", "send", "13800138000", "hello", "--valid", "1s", "--wait", "--timeout", "1m")
    assert (done.returncode, done.stderr.splitlines()[-1].split()[2]) == (1, "expired:")


def test_without_redis(site: Site) -> None:
    site.configure(f'routes = {{default = ["mobile"]}}\n{site.stack.link()}')
    assert "refused" in site.refused("send", "13800138000", "hello", code=69)


def test_without_a_route(site: Site) -> None:
    site.configure("")
    site.stack.start_redis()
    assert "nothing to send over" in site.refused("send", "13800138000", "hello")
