"""A notification to a China Telecom number: SMTP, milter, job, route by carrier, SMGP, phone; and its answer back."""

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
PHONE = "18900139001"


def carrier(sandbox: RunningSandbox, path: str) -> Any:
    with urllib.request.urlopen(f"http://{HOST}:{sandbox.ports.phones}/smgw/{path}", timeout=10) as answer:
        return json.load(answer)


def test_a_notification_goes_over_smgp_and_is_reported(sandbox: RunningSandbox) -> None:
    sandbox.admin.contacts.add(CAROL, "telecom", mail=["telecom@world.test"], mobile=PHONE)
    words = f"over smgp {time.time_ns()}"
    mail = (
        f"From: {CAROL}\r\nTo: telecom@world.test\r\nSubject: [SMS] {words}\r\nMessage-ID: <{words.split()[2]}@t>\r\n"
    )
    sandbox.send(CAROL, ["telecom@world.test"], f"{mail}\r\nhello\r\n".encode(), user=CAROL)
    (text,) = sandbox.eventually(lambda: [m["text"] for m in sandbox.phone_messages(PHONE) if words in m["text"]])
    (submit,) = [submit for submit in carrier(sandbox, "submits") if submit["text"] == text]
    assert (submit["result"], submit["to"], submit["valid_time"][-4:]) == (0, [f"86{PHONE}"], "032+")
    sandbox.eventually(lambda: carrier(sandbox, "status")["counts"].get("reports_answered"))
