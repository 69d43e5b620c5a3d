"""Viruses in and out, by the real clamd: found wherever they hide, and what happens while nobody can look."""

from __future__ import annotations

import base64
import io
import re
import smtplib
import threading
import zipfile
from collections.abc import Callable
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from caiyou.directory.model import WhenScanDown
from sandbox.running import RunningSandbox
from sandbox.servers.clamd import EICAR_HEX, OWN_MARK

pytestmark = pytest.mark.live

OUTSIDER, BOB = "wei@world.test", "bob@example.test"
EICAR = bytes.fromhex(EICAR_HEX)


def zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/card.com", content)
    return out.getvalue()


def raw(content: bytes) -> bytes:
    return b"From: wei@world.test\r\nSubject: raw\r\n\r\n" + content + b"\r\n"


def attached(content: bytes, name: str = "card.com") -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"], message["To"], message["Subject"] = OUTSIDER, BOB, "名片"
    message.set_content("请看附件。")
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message


def in_base64(content: bytes) -> bytes:
    return attached(content).as_bytes()


def in_quoted_printable(content: bytes) -> bytes:
    body = b"".join(b"=%02X" % octet + (b"=\r\n" if i % 24 == 23 else b"") for i, octet in enumerate(content))
    head = b"From: wei@world.test\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
    return head + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + body + b"\r\n"


def in_zip(content: bytes) -> bytes:
    return attached(zipped(content), "card.zip").as_bytes()


def in_nested_zip(content: bytes) -> bytes:
    return attached(zipped(zipped(content)), "cards.zip").as_bytes()


def in_nested_message(content: bytes) -> bytes:
    outer = EmailMessage(policy=policy.SMTP)
    outer["From"], outer["Subject"] = OUTSIDER, "Fwd: 名片"
    outer.set_content("转发")
    outer.add_attachment(attached(zipped(content), "card.zip"))
    return outer.as_bytes()


def after_a_megabyte(content: bytes) -> bytes:
    message = attached(bytes(range(256)) * 4096, "picture.bin")
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename="last.com")
    return message.as_bytes()


WAYS = (
    raw,
    in_base64,
    in_quoted_printable,
    in_zip,
    in_nested_zip,
    in_nested_message,
    after_a_megabyte,
)


def refused(sandbox: RunningSandbox, message: bytes, *, user: str = "", rcpt_to: str = BOB) -> str:
    """What the end of the message answers."""
    with pytest.raises(smtplib.SMTPDataError) as error:
        sandbox.send(user or OUTSIDER, [rcpt_to], message, user=user)
    assert isinstance(error.value.smtp_error, bytes)
    return f"{error.value.smtp_code} {error.value.smtp_error.decode()}"


def has_arrived(sandbox: RunningSandbox, user: str, text: bytes) -> bytes:
    def found() -> bytes | None:
        return next((m for m in sandbox.mails(user) if text in m), None)

    return sandbox.eventually(found)


@pytest.mark.parametrize("hide", WAYS)
@pytest.mark.parametrize("content, signature", [(EICAR, "Caiyou.Eicar"), (OWN_MARK, "Caiyou.Mark")])
def test_a_virus_is_refused_by_name(
    sandbox: RunningSandbox, hide: Callable[[bytes], bytes], content: bytes, signature: str
) -> None:
    answer = refused(sandbox, hide(content))
    assert answer.startswith("554 5.7.0 ")
    assert signature in answer
    assert "病毒" in answer
    sandbox.eventually(lambda: sandbox.log(signature, "caiyou-milter"))  # supervisord writes it a moment later


def test_a_virus_does_not_go_out_either(sandbox: RunningSandbox) -> None:
    for rcpt_to in ("friend@world.test", "alice@example.test"):
        assert refused(sandbox, in_zip(EICAR), user=BOB, rcpt_to=rcpt_to).startswith("554 5.7.0 ")
    assert not [mail for mail in sandbox.outside() if mail.mail_from == BOB and b"card.zip" in mail.content]


def test_what_is_clean_is_not_touched(sandbox: RunningSandbox) -> None:
    clean = attached(zipped(b"nothing in it"), "clean.zip").as_bytes()
    sandbox.send(OUTSIDER, [BOB], clean)
    stored = has_arrived(sandbox, BOB, b"clean.zip")
    assert stored.endswith(clean)
    assert b"X-Caiyou-Scan" not in stored


@pytest.fixture(scope="module")
def lenient(sandbox: RunningSandbox) -> str:
    """A mailbox in a domain that takes mail unscanned while nobody can look."""
    sandbox.admin.domains.add("lenient.test", when_scan_down=WhenScanDown.PASS)
    sandbox.add_user("pat@lenient.test")
    return "pat@lenient.test"


def test_while_clamd_is_down_each_domain_has_its_way(sandbox: RunningSandbox, lenient: str) -> None:
    with sandbox.stopped("clamd"):
        assert refused(sandbox, raw(b"held")).startswith("451 4.3.0 ")
        assert refused(sandbox, raw(b"held, one is strict"), rcpt_to=BOB).startswith("451 4.3.0 ")
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            sandbox.send(OUTSIDER, [lenient, BOB], raw(b"to both"))
        assert refused(sandbox, raw(b"out"), user=BOB, rcpt_to="friend@world.test").startswith("451 4.3.0 ")
        sent = sandbox.send(OUTSIDER, [lenient], b"X-Caiyou-Scan: clean\r\n" + raw(b"passed unscanned"))
        sandbox.send(lenient, ["friend@world.test"], raw(b"out, unscanned"), user=lenient)
    stored = has_arrived(sandbox, lenient, b"passed unscanned")
    assert re.findall(rb"^X-Caiyou-Scan: *(\w+)", stored, re.MULTILINE) == [b"unscanned"]
    assert any("alarm=unscanned" in line and "WARNING" in line for line in sandbox.log(sent.queue_id, "caiyou-milter"))
    assert refused(sandbox, raw(EICAR), rcpt_to=lenient).startswith("554 5.7.0 ")
    sandbox.send(OUTSIDER, [BOB], raw(b"scanned again"))
    assert b"X-Caiyou-Scan" not in has_arrived(sandbox, BOB, b"scanned again")


def resident_peak_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s*(\d+)", status)
    assert found
    return int(found[1])


def test_large_mails_at_once_do_not_fill_the_memory(sandbox: RunningSandbox) -> None:
    """Four of 20 MB in one moment: the milter keeps no more than a small part of each."""
    sandbox.add_user("large@example.test", quota_bytes=1 << 30)
    line = base64.b64encode(bytes(range(54))) + b"\r\n"
    message = b"From: wei@world.test\r\nSubject: large\r\n\r\n" + line * (20_000_000 // len(line))
    sandbox.send(OUTSIDER, ["large@example.test"], raw(b"warm"))
    pid = sandbox.pid("caiyou-milter")
    before_kib = resident_peak_kib(pid)
    threads = [
        threading.Thread(target=sandbox.send, args=(OUTSIDER, ["large@example.test"], message)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sandbox.pid("caiyou-milter") == pid
    assert resident_peak_kib(pid) - before_kib < 20_000
    sandbox.wait_for_mail("large@example.test", 5, timeout_s=60)
