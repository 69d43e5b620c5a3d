"""No file can be made for a large message."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

USER, OTHER = "nodisk@example.test", "nodisk-other@example.test"
INTERNAL = "4.3.0 Internal error, try again later 系统内部错误，请稍后再试"


def test_the_rest_of_a_message_that_cannot_be_kept_is_no_command(start_lmtpd: Any, sandbox: RunningSandbox) -> None:
    sandbox.add_user(USER)
    sandbox.add_user(OTHER)
    agent = start_lmtpd(spool=str(sandbox.layout.etc), memory_bytes=4096, processes=1)  # root's
    with agent.peer() as peer:
        assert peer.begin([USER, OTHER]) == [250, 250]
        assert peer.command("DATA")[0] == 354
        for piece in (b"x" * 5000, b"RSET", b"MAIL FROM:<x@world.test>", f"RCPT TO:<{OTHER}>".encode(), b"DATA", b"Hi"):
            peer.send(piece + b"\r\n")
            time.sleep(0.1)
        peer.send(b".\r\n")
        assert [peer.reply() for _ in range(2)] == [(451, INTERNAL)] * 2
        assert peer.deliver([USER], b"Subject: small\r\n\r\nx\r\n")[0][0] == 250
    assert [len(sandbox.mails(user)) for user in (USER, OTHER)] == [1, 0]
    assert "PermissionError" in agent.log()
    agent.stop()
    agent.log_file.write_text("")  # with the traceback that this was about
