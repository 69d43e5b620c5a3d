"""The gateway and the simulated HTTP provider, each a process of its own: what an operator relies on."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.stack import SRC_ID, wait_for
from tests.mail2sms.links.provider_stack import PHONE, SECRET, ProviderStack

pytestmark = pytest.mark.live

PRESETS = ("kannel", "bearer_json", "hmac")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[ProviderStack]:
    made = ProviderStack(tmp_path)
    yield made
    made.end()


def _call(stack: ProviderStack, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
    """Call the gateway back as somebody else would."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.callback_port, timeout=10)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST" if body else "GET", path, body or None, sent)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


# --- the plain way


@pytest.mark.parametrize("preset", PRESETS)
def test_a_message_its_report_and_an_answer(stack: ProviderStack, preset: str) -> None:
    stack.begin(preset)
    text = "你好 & hello=%0a\n{x} 😀"
    stack.message("one", text, queue_id="4abc")
    wait_for(lambda: stack.events("sms.delivered"))
    (submitted,), (delivered,) = stack.events("sms.submitted"), stack.events("sms.delivered")
    assert (submitted["queue_id"], delivered["sms_id"], delivered["result"]) == ("4abc", "one", "DELIVRD")
    assert stack.phone() == [text]
    assert stack.waiting() == 0
    (taken,) = stack.taken()
    assert (taken["interface"], taken["src_id"], taken["to"]) == (preset, SRC_ID, [f"86{PHONE}"])
    stack.http("POST", f"/phones/{PHONE}/messages", {"to": SRC_ID, "text": "回复 1+1", "carrier": "provider"})
    wait_for(lambda: stack.events("sms.received"))
    assert stack.received() == ["回复 1+1"]
    log = stack.log("gateway")
    assert not any(secret in log for secret in (SECRET, "hello", "你好", "回复", PHONE))


@pytest.mark.parametrize("preset, requests", [("kannel", 3), ("bearer_json", 1), ("hmac", 1)])
def test_a_long_message_is_one_message(stack: ProviderStack, preset: str, requests: int) -> None:
    stack.begin(preset)
    text = "彩邮" * 100
    stack.message("long", text, long=True)
    wait_for(lambda: stack.events("sms.delivered"))
    assert stack.phone() == [text]
    taken = stack.taken()
    assert len(taken) == requests
    assert "".join(one["text"] for one in taken) == text
    assert [one["part"] for one in taken] == list(range(1, requests + 1))


# --- nothing lost, nothing twice


def test_answers_that_are_lost(stack: ProviderStack) -> None:
    """A share of the answers is cut off: what was taken and not answered is sent once more, and flagged."""
    stack.begin("bearer_json", failures=100)
    stack.wrong(drop_answers=0.2)
    texts = stack.send_many(150)
    wait_for(lambda: stack.waiting() == 0, 60.0)
    stack.wrong()
    wait_for(lambda: len(stack.events("sms.delivered")) + len(stack.events("sms.failed")) >= len(texts), 30.0)
    taken = Counter(one["text"] for one in stack.taken())
    assert set(taken) == set(texts)
    assert max(taken.values()) == 2
    again = {text for text, count in taken.items() if count == 2}
    flagged = {
        event["sms_id"].removeprefix("id-")
        for kind in ("sms.submitted", "sms.failed")
        for event in stack.events(kind)
        if event["detail"].get("possible_repeat")
    }
    assert again == flagged
    assert set(stack.results("sms.failed").values()) <= {"unanswered"}


def test_nobody_listens_for_a_while(stack: ProviderStack) -> None:
    stack.begin()
    stack.wrong(accept_connections=False)
    stack.http("POST", "/provider/disconnect", {})
    texts = stack.send_many(50)
    wait_for(lambda: stack.events("link.down"))
    assert not stack.taken()
    stack.wrong()
    wait_for(lambda: len(stack.events("sms.delivered")) == len(texts), 30.0)
    assert Counter(one["text"] for one in stack.taken()) == Counter(texts)
    assert not stack.events("sms.in_doubt")


def test_the_gateway_is_killed(stack: ProviderStack) -> None:
    """What was on its way is sent once more at most; a report that comes meanwhile is taken later."""
    stack.begin("bearer_json", window=4)
    stack.wrong(answer_delay_s=0.2, report_delay_s=0.1)
    texts = stack.send_many(40)
    wait_for(lambda: len(stack.taken()) > 10)
    stack.kill("gateway")
    stack.wrong()
    stack.start_gateway()
    wait_for(lambda: len(stack.events("sms.delivered")) == len(texts), 40.0)
    taken = Counter(one["text"] for one in stack.taken())
    assert set(taken) == set(texts)
    assert max(taken.values()) <= 2
    again = sum(count == 2 for count in taken.values())
    assert again <= 4
    assert len(stack.events("sms.in_doubt")) >= again


def test_busy_slows_down(stack: ProviderStack) -> None:
    stack.begin()
    stack.wrong(max_per_s=50)
    texts = stack.send_many(120)
    wait_for(lambda: len(stack.events("sms.delivered")) == len(texts), 40.0)
    assert Counter(one["text"] for one in stack.taken()) == Counter(texts)
    assert not stack.events("sms.failed")
    assert not stack.events("link.down")


# --- what else the provider says


@pytest.mark.parametrize(
    "preset, kind, result",
    [
        ("kannel", "number", "HTTP 403 Not routable Not routable. Do not try again."),
        ("bearer_json", "number", "HTTP 422 invalid_number the number cannot be reached"),
        ("hmac", "number", "HTTP 200 1005 mobile number error"),
    ],
)
def test_refused_for_good(stack: ProviderStack, preset: str, kind: str, result: str) -> None:
    stack.begin(preset)
    stack.wrong(refuse=kind, refuse_numbers=[PHONE])
    stack.message("a")
    stack.message("b", to="8613900139000")
    wait_for(lambda: stack.events("sms.delivered"))
    assert stack.results("sms.failed") == {"a": result}
    assert stack.results("sms.delivered") == {"b": "DELIVRD"}


@pytest.mark.parametrize("preset", PRESETS)
def test_refused_credentials(stack: ProviderStack, preset: str) -> None:
    """One request in refused_s, not one for each message; and it goes on when somebody has mended the secret."""
    stack.begin(preset, refused_s=1.5, **({"callback.token_file": str(_file(stack))} if preset != "hmac" else {}))
    stack.secret_file.write_text("another-secret-0123456\n")
    stack.wrong(refuse="login")
    for number in range(20):
        stack.message(f"m{number}", f"text {number}")
    wait_for(lambda: stack.log("gateway").count("state=refused") >= 3)
    asked = stack.http("GET", "/provider/status")["counts"]["requests"]
    assert asked <= 16 + 3  # what was under way, and one for each time it was tried out
    stack.secret_file.write_text(SECRET + "\n")
    stack.wrong()
    wait_for(lambda: len(stack.events("sms.delivered")) == 20, 20.0)
    assert Counter(one["text"] for one in stack.taken()) == Counter(f"text {number}" for number in range(20))


def _file(stack: ProviderStack) -> Path:
    file = stack.folder / "callback.token"
    file.write_text(SECRET + "\n")
    return file


@pytest.mark.parametrize("answer", ["html", "garbled", "empty", "huge", "drip"])
def test_answers_that_are_none(stack: ProviderStack, answer: str) -> None:
    """Taken or not, nobody knows: once more, then it counts as failed; the link is tried out and comes back."""
    stack.begin("hmac", answer_s=0.5)
    stack.wrong(answer=answer)
    stack.message("a")
    wait_for(lambda: stack.events("sms.failed"))
    assert stack.results("sms.failed") == {"a": "unanswered"}
    assert len(stack.taken()) == 2
    assert stack.events("sms.failed")[0]["detail"]["possible_repeat"] == [1]
    stack.wrong()
    stack.message("b")
    wait_for(lambda: "b" in stack.results("sms.delivered"))


@pytest.mark.parametrize("status, taken, outcome", [(500, True, "sms.failed"), (400, False, "sms.failed")])
def test_statuses(stack: ProviderStack, status: int, taken: bool, outcome: str) -> None:
    stack.begin("bearer_json")
    stack.wrong(status=status, taken=taken)
    stack.message("a")
    wait_for(lambda: stack.events(outcome))
    assert len(stack.taken()) == (2 if taken else 0)


def test_busy_with_retry_after_ends_the_rush(stack: ProviderStack) -> None:
    stack.begin("bearer_json")
    stack.wrong(status=503, retry_after_s=1)
    texts = stack.send_many(30)
    wait_for(lambda: stack.events("link.down"))
    time.sleep(0.5)  # within the pause
    assert stack.http("GET", "/provider/status")["counts"]["requests"] <= 16
    stack.wrong()
    wait_for(lambda: len(stack.events("sms.delivered")) == len(texts), 20.0)
    assert Counter(one["text"] for one in stack.taken()) == Counter(texts)


def test_a_wrong_address_loses_nothing(stack: ProviderStack) -> None:
    """404 says nothing of the message: it stays, and goes by the route's next link."""
    routes = 'routes = {default = ["wrong", "web"]}'
    wrong = stack.web_link("bearer_json", "wrong", url=f"http://127.0.0.1:{stack.provider_port}/v0/messages")
    listen = f'callback_listen = "127.0.0.1:{stack.callback_port}"'
    stack.configure(f"{routes}\n{listen}\n{wrong}\n{stack.web_link('bearer_json')}")
    stack.start_redis()
    stack.start_provider()
    stack.start_gateway()
    for number in range(10):
        stack.message(f"m{number}", f"text {number}")
    wait_for(lambda: len(stack.events("sms.delivered")) == 10)
    assert not stack.events("sms.failed")
    assert not stack.events("sms.in_doubt")


@pytest.mark.parametrize("fault", [{"refuse": "credit"}, {"refuse": "login"}, {"accept_connections": False}])
def test_the_next_link_of_the_route_takes_it(stack: ProviderStack, fault: dict[str, Any]) -> None:
    """What the provider surely did not take goes over CMPP instead, a long message in parts."""
    listen = f'callback_listen = "127.0.0.1:{stack.callback_port}"'
    stack.configure(
        f'routes = {{default = ["web", "mobile"]}}\n{listen}\n{stack.web_link("bearer_json")}\n{stack.link()}'
    )
    stack.start_redis()
    stack.start_provider()
    stack.start_gateway()
    wait_for(lambda: len(stack.events("link.up")) == 2)
    stack.wrong(**fault)
    texts = {"short": "hello", "long": "彩邮" * 50}
    for id, text in texts.items():
        stack.message(id, text, long=True)
    wait_for(lambda: len(stack.events("sms.delivered")) == 2)
    assert sorted(stack.phone()) == sorted(texts.values())
    assert {event["detail"]["link"] for event in stack.events("sms.submitted")} == {"mobile"}
    assert not stack.taken()


# --- reports


def test_reports_before_the_answer_and_more_than_once(stack: ProviderStack) -> None:
    stack.begin("hmac")
    stack.wrong(report_before_answer=True, report_delay_s=0.0, report_copies=3, report_empty_number=True)
    stack.message("a")
    wait_for(lambda: stack.events("sms.delivered"))
    wait_for(lambda: stack.http("GET", "/provider/status")["counts"].get("callbacks_200", 0) >= 3)
    assert len(stack.events("sms.delivered")) == 1


@pytest.mark.parametrize("preset", PRESETS)
def test_what_reports_say(stack: ProviderStack, preset: str) -> None:
    stack.begin(preset)
    stack.wrong(report_stats={"13900139000": "UNDELIV", "13900139001": "EXPIRED"})
    for number, id in (("13900139000", "no"), ("13900139001", "late"), (PHONE, "yes")):
        stack.message(id, to=f"86{number}")
    wait_for(lambda: stack.events("sms.delivered"))
    wait_for(lambda: len({**stack.results("sms.failed"), **stack.results("sms.expired")}) == 2)
    late = {**stack.results("sms.failed"), **stack.results("sms.expired")}
    assert late == {"no": "UNDELIV", "late": "EXPIRED"}
    assert stack.results("sms.delivered") == {"yes": "DELIVRD"}


@pytest.mark.parametrize(
    "preset, wrong",
    [
        ("bearer_json", {"forge_callbacks": True}),
        ("hmac", {"forge_callbacks": True}),
        ("hmac", {"callback_age_s": 1000}),
    ],
)
def test_forged_reports_are_refused(stack: ProviderStack, preset: str, wrong: dict[str, object]) -> None:
    stack.begin(preset)
    stack.wrong(**wrong)
    stack.message("a")
    wait_for(lambda: stack.http("GET", "/provider/status")["counts"].get("callbacks_401"))
    assert stack.events("sms.submitted")
    assert not stack.events("sms.delivered")
    assert (
        "the signature is wrong" in stack.log("gateway")
        or "too far" in stack.log("gateway")
        or ("the token is wrong" in stack.log("gateway"))
    )


def test_a_report_waits_until_it_is_recorded(stack: ProviderStack) -> None:
    """With Redis away the provider hears 503 and keeps its report."""
    stack.begin("bearer_json")
    stack.wrong(report_delay_s=1.0)
    stack.message("a")
    wait_for(lambda: stack.events("sms.submitted"))
    stack.kill("redis")
    wait_for(lambda: stack.http("GET", "/provider/status")["counts"].get("callbacks_503"), 20.0)
    stack.start_redis()
    wait_for(lambda: stack.events("sms.delivered"), 20.0)
    assert len(stack.events("sms.delivered")) == 1


# --- the door that callbacks come by


def test_who_may_call_and_what(stack: ProviderStack) -> None:
    stack.begin("bearer_json", sms="callback_rate = 50")
    right = {"Authorization": f"Bearer {SECRET}", "Content_Type": "application/json"}
    report = json.dumps({"type": "report", "id": "x", "status": "DELIVRD"}).encode()
    assert _call(stack, "/callback/web", report, **right) == (200, '{"status": "ok"}')
    assert _call(stack, "/callback/web", b"{", **right)[0] == 400
    assert _call(stack, "/callback/web", b" " * 300_000, **right)[0] == 413
    assert _call(stack, "/callback/nobody", report, **right)[0] == 404
    assert _call(stack, "/other", report, **right)[0] == 404
    statuses = [_call(stack, "/callback/web", report, Authorization=f"Bearer guess {n}")[0] for n in range(12)]
    assert statuses[0] == 401
    assert statuses[-1] == 503  # who guesses is soon shut out
    wait_for(lambda: _call(stack, "/callback/web", report, **right)[0] == 200)
    assert "guess" not in stack.log("gateway")
