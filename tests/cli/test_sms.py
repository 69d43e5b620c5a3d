"""``caiyou sms`` on the whole system: from the command to the phone, the ledger, the links and the figures."""

from __future__ import annotations

import csv
import json
import urllib.request
from typing import Any

import pytest

from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

NUMBER = "13877766655"


def ok(sandbox: RunningSandbox, *arguments: str) -> str:
    done = sandbox.caiyou("sms", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def sent(sandbox: RunningSandbox) -> str:
    """The id of a short message that was delivered."""
    sandbox.eventually(lambda: "ismg" in ok(sandbox, "links") and " up since " in ok(sandbox, "links"))
    done = sandbox.caiyou("sms", "send", NUMBER, "会议改到三点", "--class", "code", "--wait")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_from_the_command_to_the_phone_and_the_ledger(sandbox: RunningSandbox, sent: str) -> None:
    found = json.loads(ok(sandbox, "show", sent, "--json"))
    assert (found["state"], found["stat"], found["message_class"]) == ("delivered", "DELIVRD", "code")
    listed = [each["id"] for each in json.loads(ok(sandbox, "list", "--number", NUMBER, "--json"))]
    assert sent in listed
    rows = list(csv.DictReader(ok(sandbox, "cdr", "today").splitlines()))
    (row,) = [row for row in rows if row["id"] == sent]
    assert (row["number"], row["state"], row["class"]) == (f"86{NUMBER}", "delivered", "code")
    assert sent in sandbox.caiyou("trace", sent).stdout


def test_the_way_is_the_one_it_took(sandbox: RunningSandbox, sent: str) -> None:
    way = json.loads(ok(sandbox, "route", NUMBER, "--class", "code", "--json"))
    found = json.loads(ok(sandbox, "show", sent, "--json"))
    assert (way["route"], way["up"][0]) == (found["route"], found["link"])


def test_every_link_stands_in_the_status_and_is_up(sandbox: RunningSandbox) -> None:
    def links() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(ok(sandbox, "links", "--json"))
        return found

    sandbox.eventually(lambda: links() and all(link["state"] == "up" for link in links()))
    shown = sandbox.caiyou("sandbox", "status").stdout
    for link in links():
        assert f"link {link['link']:10} up " in shown


def test_a_link_that_is_up_is_left_alone(sandbox: RunningSandbox) -> None:
    assert "not tried again without --force" in ok(sandbox, "link", "test", "ismg")


def test_figures_for_prometheus(sandbox: RunningSandbox, sent: str) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{sandbox.ports.metrics}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    assert 'caiyou_sms_link_up{link="ismg"} 1.0' in text
    assert "caiyou_sms_gateway_sending 1.0" in text
