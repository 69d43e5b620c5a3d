"""Wrong credentials do not hammer the carrier, and a secret that cannot be read is told in clear words."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

import pytest

from bench.stack import Stack, wait_for
from mail2sms import live
from mail2sms.live import LinkNow

pytestmark = pytest.mark.live

WINDOW_S = 2.5  # reconnect_s is 0.1: a link that took a refusal for a lost connection would try five times and more


def start(stack: Stack, link: str) -> None:
    stack.configure(f'routes = {{default = ["mobile"]}}\n{link}')
    stack.start_redis()
    stack.start_ismg()


def link_now(stack: Stack) -> LinkNow | None:
    return next(iter(live.read(stack.redis, datetime.now(UTC))), None)


def state(stack: Stack) -> str:
    found = link_now(stack)
    return found.state if found else ""


def connections(stack: Stack) -> int:
    return int(stack.http("GET", "/ismg/status")["counts"].get("connections", 0))


@pytest.mark.parametrize("status", [1, 2, 3, 4])
def test_one_login_and_then_a_long_pause(stack: Stack, status: int) -> None:
    start(stack, stack.link())
    stack.faults(refuse_login=status)
    stack.start_gateway()
    wait_for(lambda: state(stack) == "refused")
    assert connections(stack) == 1
    time.sleep(WINDOW_S)  # nothing happens, which takes time to see
    assert connections(stack) == 1
    found = link_now(stack)
    assert found is not None
    assert f"status {status}; next try in 300 s" in found.why
    assert found.last_error == found.why


def test_the_pause_is_the_setting_and_a_mended_account_comes_back(stack: Stack) -> None:
    start(stack, stack.link(refused_s=1.5))
    stack.faults(refuse_login=3)
    begun = time.monotonic()
    stack.start_gateway()
    wait_for(lambda: connections(stack) >= 3)
    assert time.monotonic() - begun > 3.0  # three logins are two pauses
    stack.faults()
    wait_for(lambda: state(stack) == "up")


def test_a_carrier_that_is_full_is_asked_again_sooner(stack: Stack) -> None:
    """Status 5 and up pass by themselves; the pauses still grow."""
    start(stack, stack.link())
    stack.faults(refuse_login=5)
    stack.start_gateway()
    wait_for(lambda: connections(stack) >= 3)
    time.sleep(WINDOW_S)
    assert connections(stack) < 15  # at 0.1 s each it would be 25 and more
    stack.faults()
    wait_for(lambda: state(stack) == "up")


@pytest.mark.parametrize(
    "content, says",
    [
        (None, "secret cannot be read: No such file or directory"),
        (b"", "the secret file is empty"),
        (b"\n", "the secret file is empty"),
        (b"hush\nhush\n", "the secret file has several lines"),
        (b"\xff\xfe", "secret cannot be read: not UTF-8"),
    ],
)
def test_a_secret_that_is_not_right(stack: Stack, content: bytes | None, says: str) -> None:
    path = stack.folder / "other.secret"
    if content is not None:
        path.write_bytes(content)
    start(stack, stack.link(secret=path.name))
    stack.start_gateway()
    wait_for(lambda: state(stack) == "refused")
    found = link_now(stack)
    assert found is not None
    assert f"{path}: {says}" in found.why
    assert connections(stack) == 0
    assert "hush" not in stack.log("gateway")


def test_a_secret_that_only_others_may_read(stack: Stack) -> None:
    """Mended, it is taken without a restart."""
    path = stack.folder / "other.secret"
    path.symlink_to(path)  # also root cannot read a loop
    start(stack, stack.link(secret=path.name, refused_s=0.5))
    stack.start_gateway()
    wait_for(lambda: state(stack) == "refused")
    found = link_now(stack)
    assert found is not None
    assert "Too many levels of symbolic links" in found.why
    new = stack.folder / "new"
    new.write_text("s3cret-of-the-test\n")
    os.replace(new, path)  # noqa: PTH105  over the link itself
    wait_for(lambda: state(stack) == "up")
