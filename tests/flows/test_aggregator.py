"""A notification to a number abroad: SMTP, milter, job, route by prefix, SMPP, phone, receipt; and its answer back."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest

from sandbox.ports import HOST
from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

CAROL = "carol@example.test"
PHONE = "85261234567"


def carrier(sandbox: RunningSandbox, path: str) -> Any:
    with urllib.request.urlopen(f"http://{HOST}:{sandbox.ports.phones}/smsc/{path}", timeout=10) as answer:
        return json.load(answer)


def test_a_notification_goes_over_smpp_and_is_reported(sandbox: RunningSandbox) -> None:
    sandbox.admin.contacts.add(CAROL, "abroad", mail=["abroad@world.test"], mobile=f"+{PHONE}")
    words = f"over smpp {time.time_ns()}"
    mail = f"From: {CAROL}\r\nTo: abroad@world.test\r\nSubject: [SMS] {words}\r\nMessage-ID: <{words.split()[2]}@t>\r\n"
    sandbox.send(CAROL, ["abroad@world.test"], f"{mail}\r\nhello\r\n".encode(), user=CAROL)
    (text,) = sandbox.eventually(lambda: [m["text"] for m in sandbox.phone_messages(f"+{PHONE}") if words in m["text"]])
    (submit,) = [submit for submit in carrier(sandbox, "submits") if submit["text"] == text]
    assert (submit["result"], submit["to"], submit["src_id"]) == (0, [PHONE], "10660")
    sandbox.eventually(lambda: carrier(sandbox, "status")["counts"].get("reports_answered"))
