"""A mail through the real servers, then `caiyou trace` by each of its names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live


def trace(sandbox: RunningSandbox, key: str) -> list[dict[str, Any]]:
    command = [str(Path(sys.executable).with_name("caiyou")), "trace", key, "--json"]
    environment = {**os.environ, "CAIYOU_CONFIG": str(sandbox.settings_file)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def kinds(message: dict[str, Any]) -> list[str]:
    return [entry.get("kind") or entry["service"] for entry in message["entries"]]


def test_from_smtp_to_the_carriers_report(sandbox: RunningSandbox) -> None:
    message_id = f"<trace-{time.time_ns()}@world.test>"
    mail = (
        f"From: li@world.test\r\nTo: alice@example.test\r\nMessage-ID: {message_id}\r\nSubject: trace\r\n\r\nbody\r\n"
    )
    queue_id = sandbox.send("li@world.test", ["alice@example.test"], mail.encode()).queue_id

    accepted_at = time.monotonic()
    (message,) = trace(sandbox, queue_id)
    assert "mail.accepted" in kinds(message)
    assert time.monotonic() - accepted_at < 10  # whether the ledger has it already or not

    end = time.monotonic() + 30
    while not (
        "sms.delivered" in kinds(message)
        and any(entry.get("text") == "removed" for entry in message["entries"])
        and {entry["source"] for entry in message["entries"]} == {"ledger", "log"}
    ):
        assert time.monotonic() < end, kinds(message)
        time.sleep(0.3)
        (message,) = trace(sandbox, queue_id)

    found = kinds(message)
    assert found[0] == "postfix/smtpd"
    for kind in ("mail.accepted", "mail.delivered", "notify.queued", "sms.submitted", "sms.delivered", "postfix/lmtp"):
        assert found.count(kind) == 1, found
    assert message["queue_ids"] == [queue_id]
    assert message["message_ids"] == [message_id]
    (sms_id,) = message["sms_ids"]

    for key in (message_id, message_id.strip("<>"), sms_id):
        (same,) = trace(sandbox, key)
        assert same["entries"] == message["entries"], key
    assert any(sms_id in other["sms_ids"] for other in trace(sandbox, "13800138000"))
