"""Questions to a carrier from the command line."""

from __future__ import annotations

import json

import pytest

from bench.stack import wait_for
from tests.mail2sms.cli.conftest import Site

pytestmark = pytest.mark.live

NUMBER = "13800138000"


def _submitted(site: Site, *words: str) -> str:
    id = site.ok("send", NUMBER, *words).strip()
    wait_for(lambda: any(event["sms_id"] == id for event in site.stack.events("sms.submitted")) or _is_over(site, id))
    return id


def _is_over(site: Site, id: str) -> bool:
    return site.stack.redis.hget(f"sms:{id}", "s") in (b"submitted", b"delivered", b"failed")


def test_counts_of_a_day(running_site: Site) -> None:
    _submitted(running_site, "hello")
    lines = running_site.ok("link", "query", "mobile").splitlines()
    assert lines[0].split(maxsplit=1) == ["1", "messages taken from us"]
    assert len(lines) == 8
    counts = json.loads(running_site.ok("link", "query", "mobile", "2026-11-22", "--service", "MAIL", "--json"))
    assert counts["mt_tl_msg"] == 1
    assert "link other is not in [sms.links] (known: mobile)" in running_site.refused("link", "query", "other")
    assert "does not match the format" in running_site.refused("link", "query", "mobile", "yesterday", code=2)


def test_message_withdrawn(running_site: Site) -> None:
    running_site.stack.faults(hold_s=60)
    id = _submitted(running_site, "never mind")
    assert running_site.ok("cancel", id) == "withdrawn\n"
    wait_for(lambda: running_site.stack.redis.hget(f"sms:{id}", "s") == b"failed")
    assert "nothing of it is with a carrier" in running_site.refused("cancel", id)
    id = _submitted(running_site, "彩邮" * 60)
    assert json.loads(running_site.ok("cancel", id, "--json")) == {"id": id, "withdrawn": [1, 2]}


def test_message_that_is_with_the_phone(running_site: Site) -> None:
    running_site.stack.faults(reports=False)
    id = _submitted(running_site, "彩邮" * 60)
    done = running_site.caiyou("sms", "cancel", id)
    assert (done.returncode, done.stdout.splitlines()) == (1, ["part 1: not withdrawn", "part 2: not withdrawn"])
