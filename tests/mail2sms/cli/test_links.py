"""``caiyou sms links``, ``route`` and ``link test``."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from bench.stack import free_port, wait_for
from tests.mail2sms.cli.conftest import Site

pytestmark = pytest.mark.live

NUMBER = "13800138000"


@pytest.fixture
def refusing(site: Site) -> Site:
    """A carrier, and no gateway; links to it and past it."""
    stack = site.stack
    (stack.folder / "wrong.secret").write_text("wrong")
    (stack.folder / "empty.secret").write_text("")
    links = (
        stack.link("good")
        + stack.link("wrong", secret="wrong.secret")
        + stack.link("empty", secret="empty.secret")
        + stack.link("none", secret="none.secret")
        + stack.link("deaf", port=free_port())
        + stack.link("nowhere").replace('host = "127.0.0.1"', 'host = "no-such-host.invalid"')
    )
    site.configure(f'gateway = "gw1"\nroutes = {{default = ["good"]}}\n{links}')
    stack.start_redis()
    stack.start_ismg()
    return site


@pytest.fixture
def mute() -> Iterator[int]:
    """The port of a peer that takes connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def counts(site: Site) -> dict[str, int]:
    found: dict[str, int] = site.stack.http("GET", "/ismg/status")["counts"]
    return found


# --- links


def test_links_in_words_and_for_programs(running_site: Site) -> None:
    text = running_site.ok("links")
    first, *rest = text.splitlines()
    assert first.startswith("mobile       up since 2")
    assert first.endswith("at gw1: CMPP 3.0")
    assert "window 16, 0 in flight" in rest[0]
    assert "sent 0, accepted 0, refused 0, flow control 0, unanswered 0, in doubt 0" in rest[1]
    (link,) = json.loads(running_site.ok("links", "--json"))
    assert (link["link"], link["gateway"], link["state"], link["window"]) == ("mobile", "gw1", "up", 16)
    assert link["since"].endswith("+08:00")
    assert set(link["counts"]) >= {"sent", "accepted", "lost", "in_doubt"}


def test_links_that_no_gateway_holds(refusing: Site) -> None:
    assert "good         no gateway holds it" in refusing.ok("links")
    assert {"link": "good", "state": "unheld"} in json.loads(refusing.ok("links", "--json"))


def test_links_without_redis(site: Site) -> None:
    site.configure("")
    assert "refused" in site.refused("links", code=69)


# --- route


def test_a_route_and_how_its_links_stand(running_site: Site) -> None:
    lines = running_site.ok("route", NUMBER).splitlines()
    assert lines[0] == f"86{NUMBER}: mobile"
    assert lines[1].startswith("route default (")
    assert lines[2] == "  1. mobile  up: takes it"
    running_site.stack.redis.sadd("sms:stopped", f"86{NUMBER}")
    assert "sent STOP" in running_site.ok("route", NUMBER)
    told = json.loads(running_site.ok("route", NUMBER, "--json"))
    assert (told["route"], told["links"], told["up"], told["stopped"]) == ("default", ["mobile"], ["mobile"], True)


def test_a_route_without_redis(site: Site) -> None:
    links = site.stack.link("one") + site.stack.link("two")
    site.configure(
        f'{links}[sms.routes]\ndefault = ["one"]\nurgent = ["two", "one"]\n'
        '[[sms.choices]]\nroute = "urgent"\nclasses = ["alarm"]\ndomains = ["example.test"]\n'
    )
    assert site.ok("route", NUMBER).splitlines()[1].startswith("route default (no choice holds")
    urgent = site.ok("route", NUMBER, "--class", "alarm", "--domain", "example.test").splitlines()
    assert urgent[1].startswith("route urgent (choice 1)")
    assert [line.split()[1] for line in urgent[2:]] == ["two", "one"]
    assert "Redis does not answer" in urgent[2]
    assert "not a phone number" in site.refused("route", "12")


# --- link test


def test_a_good_link(refusing: Site) -> None:
    lines = refusing.ok("link", "test", "good").splitlines()
    assert lines == [
        "secret_file: can be read by this user",
        "127.0.0.1: 127.0.0.1",
        f"connecting: 127.0.0.1:{refusing.stack.cmpp_port}",
        "up: CMPP 3.0",
        "logged out",
    ]
    wait_for(lambda: counts(refusing)["connections"] == 1)
    assert not refusing.stack.events()
    assert refusing.stack.redis.keys("link:*") == []


@pytest.mark.parametrize(
    "name, state, says",
    [
        ("wrong", "refused", "3: the secret is wrong"),
        ("empty", "settings", "Write one line into the file that secret_file names"),
        ("none", "settings", "Write one line into the file that secret_file names"),
        ("deaf", "down", "nobody listens on that port"),
        ("nowhere", "name", "The name of the carrier's host cannot be found"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(refusing: Site, name: str, state: str, says: str) -> None:
    done = refusing.caiyou("sms", "link", "test", name, "--timeout", "10s")
    assert (done.returncode, done.stderr) == (1, "")
    assert says in done.stdout.splitlines()[-1]
    found = json.loads(refusing.caiyou("sms", "link", "test", name, "--json").stdout)
    assert (found["up"], found["state"]) == (False, state)
    assert found["why"]


def test_the_carriers_status_is_told(refusing: Site) -> None:
    lines = refusing.caiyou("sms", "link", "test", "wrong").stdout.splitlines()
    assert lines[-2] == "login refused: status 3"  # the link's "next try" is a gateway's
    assert counts(refusing)["logins_refused"] == 1


def test_no_message_goes_by_a_link_that_is_refused_at_once(refusing: Site) -> None:
    """The gateway of the trial is cancelled while it connects to Redis."""
    done = refusing.caiyou("sms", "link", "test", "wrong", "--send", NUMBER, "--timeout", "10s")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("3: the secret is wrong")


def test_links_say_what_to_look_at(refusing: Site) -> None:
    links = refusing.stack.settings_file.read_text().replace('["good"]', '["wrong", "empty", "deaf", "none"]')
    refusing.stack.settings_file.write_text(links)
    refusing.stack.start_gateway()
    wait_for(lambda: refusing.stack.redis.hget("link:gw1:deaf", "state") == b"down")
    text = refusing.ok("links")
    for line in ("3: the secret is wrong", "The secret's file is not right", "nobody listens on that port"):
        assert line in text
    assert "empty.secret: the secret file is empty" in text
    assert "none.secret: secret cannot be read: No such file or directory" in text


def test_a_peer_that_says_nothing(refusing: Site, mute: int) -> None:
    stack = refusing.stack
    refusing.configure(f'routes = {{default = ["mute"]}}\n{stack.link("mute", port=mute)}')
    done = refusing.caiyou("sms", "link", "test", "mute", "--timeout", "2s")
    assert done.returncode == 1
    assert "is it the right port and protocol?" in done.stdout.splitlines()[-1]


def test_a_link_that_a_gateway_holds_is_not_taken_from_it(running_site: Site) -> None:
    before = counts(running_site)["connections"]
    assert "up at gw1 since" in running_site.ok("link", "test", "mobile")
    assert counts(running_site)["connections"] == before
    assert "up: CMPP 3.0" in running_site.ok("link", "test", "mobile", "--force")
    assert counts(running_site)["connections"] == before + 1


def test_a_message_over_it_is_recorded_like_every_other(refusing: Site) -> None:
    done = refusing.caiyou("sms", "link", "test", "good", "--send", NUMBER, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["up"], found["sms_state"]) == (True, "delivered")
    stack = refusing.stack
    assert [each["text"] for each in stack.http("GET", f"/phones/{NUMBER}/messages")] == ["Caiyou 彩邮"]
    kinds = [event["kind"] for event in stack.events() if event.get("sms_id") == found["sms_id"]]
    assert kinds == ["sms.queued", "sms.submitted", "sms.delivered"]
    assert [stack.redis.keys(pattern) for pattern in ("mt:*", "link*", "gateway:*")] == [[], [], []]


def test_a_message_that_is_not_answered_has_an_end_too(refusing: Site) -> None:
    refusing.stack.faults(drop_answers=1.0)
    done = refusing.caiyou("sms", "link", "test", "good", "--send", NUMBER, "--timeout", "3s")
    assert done.returncode == 1
    (failed,) = refusing.stack.events("sms.failed")
    assert failed["result"] == "unanswered"
    assert refusing.stack.redis.keys("mt:*") == []


def test_wrong_words(refusing: Site) -> None:
    assert "not in [sms.links] (known: good," in refusing.refused("link", "test", "best")
    refusing.refused("link", "test", "good", "--timeout", "soon", code=2)
    assert "not a phone number" in refusing.refused("link", "test", "good", "--send", "1")
    refusing.stack.kill("redis")
    assert "Redis does not answer" in refusing.refused("link", "test", "good", "--send", NUMBER)
    assert "up: CMPP 3.0" in refusing.ok("link", "test", "good")
