from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from caiyou.events import STREAM, Event, Kind
from caiyou.ledger import database
from caiyou.ledger.history import Ids
from caiyou.ledger.postfix_log import Line
from caiyou.ledger.record import record
from caiyou.ledger.trace import Entry, Job, Trace, Tracer, in_order
from caiyou.outbox import Outbox
from caiyou.settings import Settings
from tests.fix_redis import RedisServer

T0 = datetime(2025, 3, 1, 9, 0, 0, tzinfo=UTC)
ALICE, BOB = "8613800138000", "8613900139000"


def event(kind: Kind, seconds: float, **more: Any) -> Event:
    return Event(kind=kind, at=T0 + timedelta(seconds=seconds), id=f"{kind}{seconds}", **more)


def mail(seconds: float, queue_id: str = "4AAAA", message_id: str = "<m1@world.test>") -> list[Event]:
    """A mail to alice and bob; each gets an SMS."""
    named: dict[str, Any] = {"queue_id": queue_id, "message_id": message_id}
    return [
        event(Kind.MAIL_ACCEPTED, seconds, **named, result="clean", detail={"mail_from": "li@world.test"}),
        event(Kind.MAIL_DELIVERED, seconds + 0.2, **named, subscriber="alice@example.test"),
        event(Kind.NOTIFY_QUEUED, seconds + 0.3, **named, number=ALICE, sms_id=f"{queue_id}-a"),
        event(Kind.NOTIFY_QUEUED, seconds + 0.4, **named, number=BOB, sms_id=f"{queue_id}-b"),
        event(Kind.SMS_SUBMITTED, seconds + 0.5, number=ALICE, sms_id=f"{queue_id}-a", detail={"link": "one"}),
        event(Kind.SMS_DELIVERED, seconds + 9, number=ALICE, sms_id=f"{queue_id}-a", result="DELIVRD"),
    ]


LOG = """\
2025-03-01T09:00:00.000100+00:00 mx postfix/smtpd[1]: 4AAAA0: client=x[192.0.2.1]
2025-03-01T09:00:00.000200+00:00 mx postfix/cleanup[1]: 4AAAA0: message-id=<m1@world.test>
2025-03-01T09:00:00.300000+00:00 mx postfix/lmtp[1]: 4AAAA0: to=<a@b>, status=sent (250 2.0.0 Ok: queued as 4BBBB0)
2025-03-01T09:00:01.000000+00:00 mx postfix/qmgr[1]: 4AAAA0: removed
2025-03-01T09:00:01.500000+00:00 mx postfix/qmgr[1]: 4BBBB0: removed
2025-03-01T09:00:01.500000+00:00 mx postfix/qmgr[1]: 4CCCC0: removed
"""


@pytest.fixture
def settings(sqlite_url: str, redis_server: RedisServer, make_settings: Callable[..., Settings]) -> Settings:
    """A ledger with its tables; Redis does not run."""
    found = make_settings(sqlite_url, redis_server.port)
    engine = database.connect(found.ledger)
    database.upgrade(engine)
    engine.dispose()
    return found


def write(settings: Settings, *events: Event) -> None:
    engine = database.connect(settings.ledger)
    record(engine, events)
    engine.dispose()


def find(settings: Settings, key: str, since: datetime | None = None, newest: int = 10) -> list[Trace]:
    with closing(Tracer(settings)) as tracer:
        return list(tracer.find(key, since, newest))


def told(trace: Trace) -> list[str]:
    return [e.what.kind.value if isinstance(e.what, Event) else getattr(e.what, "text", "job") for e in trace.entries]


@pytest.mark.parametrize("key", ["4AAAA", "<m1@world.test>", "m1@world.test", "4AAAA-a", " 4AAAA-b "])
def test_every_name_leads_to_the_whole_way(settings: Settings, key: str) -> None:
    write(settings, *mail(0), *mail(100, "4XXXX", "<other@world.test>"))
    (trace,) = find(settings, key)
    assert trace.ids == Ids(
        queue_ids=frozenset({"4AAAA"}),
        message_ids=frozenset({"<m1@world.test>"}),
        sms_ids=frozenset({"4AAAA-a", "4AAAA-b"}),
    )
    assert [entry.what for entry in trace.entries] == mail(0)
    assert not trace.cut


def test_a_number_gives_its_newest_messages_without_what_concerns_others(settings: Settings) -> None:
    received = event(Kind.SMS_RECEIVED, 500, number=ALICE, detail={"to": "8878"})
    for i in range(5):
        write(settings, *mail(i * 100, f"4AAA{i}", f"<m{i}@world.test>"))
    write(settings, received)
    traces = find(settings, "138 0013 8000", newest=3)
    assert [entry.what for entry in traces[0].entries] == [received]
    assert [trace.ids.queue_ids for trace in traces[1:]] == [{"4AAA4"}, {"4AAA3"}]
    numbers = {entry.what.number for trace in traces for entry in trace.entries if isinstance(entry.what, Event)}
    assert numbers == {None, ALICE}
    assert len(find(settings, ALICE, since=T0 + timedelta(seconds=299))) == 3


def test_several_queue_ids_of_one_message_id_are_one_way(settings: Settings) -> None:
    write(settings, *mail(0), *mail(5, "4BBBB"))
    (trace,) = find(settings, "4BBBB")
    assert trace.ids.queue_ids == {"4AAAA", "4BBBB"}


def test_postfix_log_joins_in_and_leads_on(settings: Settings) -> None:
    settings.site.mail_log.write_text(LOG)
    write(settings, *mail(0.0001, "4AAAA0")[:2], event(Kind.MAIL_BOUNCED, 1.2, queue_id="4BBBB0"))
    (trace,) = find(settings, "m1@world.test")
    assert told(trace) == [
        "client=x[192.0.2.1]",
        "mail.accepted",
        "message-id=<m1@world.test>",
        "mail.delivered",
        "to=<a@b>, status=sent (250 2.0.0 Ok: queued as 4BBBB0)",
        "removed",
        "mail.bounced",
        "removed",
    ]
    assert trace.ids.queue_ids == {"4AAAA0", "4BBBB0"}


def test_the_log_alone_is_enough(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    settings = make_settings(f"sqlite:///{tmp_path / 'none.sqlite3'}")
    settings.site.mail_log.write_text(LOG)
    with closing(Tracer(settings)) as tracer:
        (trace,) = tracer.find("4CCCC0", None, 10)
    assert told(trace) == ["removed"]
    assert set(tracer.unread) == {"ledger", "Redis"}


def test_a_message_id_of_very_many_mails_is_cut(settings: Settings) -> None:
    same = {"message_id": "<spam@world.test>"}
    write(settings, *(event(Kind.MAIL_ACCEPTED, i, queue_id=f"4Q{i:05}", **same) for i in range(300)))
    (trace,) = find(settings, "spam@world.test")
    assert trace.cut
    assert len(trace.entries) == 300


def test_unknown_keys_give_nothing(settings: Settings) -> None:
    settings.site.mail_log.write_text(LOG)
    write(settings, *mail(0))
    for key in ("4ZZZZ", "nobody@world.test", "13812345678", "", "%", "' OR 1=1 --", "\ud800", "x" * 100_000, "\0"):
        assert find(settings, key) == [], key[:20]


@pytest.mark.live
def test_what_is_not_in_sql_yet_is_found_too(settings: Settings, redis_server: RedisServer) -> None:
    """In the stream while caiyou-ledgerd is down, in the spool while Redis is; each event once."""
    events = mail(0)
    outbox = Outbox(settings, "test")
    outbox.event(events[5])  # Redis is down: spool
    (trace,) = find(settings, "4AAAA-a")
    assert [(e.source, e.what) for e in trace.entries] == [("spool", events[5])]
    outbox.close()

    redis_server.start()
    write(settings, *events[:3])
    for waiting in events[2:5]:  # one of them is in both
        redis_server.client.xadd(STREAM, {"e": waiting.to_json()})
    redis_server.client.xadd(STREAM, {"e": "no event"})
    redis_server.client.hset(
        "rq:job:notify-4AAAA", mapping={"status": "failed", "ended_at": "2025-03-01T09:00:00.250000Z"}
    )
    for key in ("4AAAA", ALICE):
        (trace,) = find(settings, key)
        shown = [(e.source, e.what) for e in trace.entries if not (isinstance(e.what, Event) and e.what.number == BOB)]
        assert shown == [
            ("ledger", events[0]),
            ("ledger", events[1]),
            ("queue", Job(at=T0 + timedelta(seconds=0.25), id="notify-4AAAA", status="failed")),
            ("ledger", events[2]),
            ("stream", events[4]),
            ("spool", events[5]),
        ]


def test_log_lines_of_whole_seconds_stand_where_a_mail_is_then() -> None:
    def line(second: int, service: str, text: str) -> Entry:
        at = T0 + timedelta(seconds=second)
        return Entry(source="log", what=Line(at=at, service=f"postfix/{service}", queue_id="Q", text=text))

    lines = [
        line(0, "smtpd", "1"),
        line(0, "cleanup", "2"),
        line(0, "qmgr", "4"),
        line(1, "lmtp", "7"),
        line(1, "qmgr", "removed"),
    ]
    events = [
        Entry(source="ledger", what=e)
        for e in (
            event(Kind.SMS_SUBMITTED, 1.9),
            event(Kind.MAIL_ACCEPTED, 0.5),
            event(Kind.NOTIFY_QUEUED, 0.7),
            event(Kind.MAIL_DELIVERED, 1.2),
        )
    ]
    assert told(Trace(entries=in_order([*lines, *events]))) == [
        "1",
        "2",
        "mail.accepted",
        "4",
        "notify.queued",
        "mail.delivered",
        "7",
        "removed",
        "sms.submitted",
    ]


def caiyou(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CAIYOU_CONFIG": str(settings.path), "LC_ALL": "C.UTF-8"}
    command = [str(Path(sys.executable).with_name("caiyou")), "trace", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_command_tells_it_in_the_zone_of_the_site(settings: Settings) -> None:
    settings.site.mail_log.write_text(LOG)
    write(
        settings,
        *mail(0),
        event(Kind.MAIL_REFUSED, 0.1, queue_id="4AAAA", result="evil \u202e", detail={"text": "secret"}),
    )
    done = caiyou(settings, "4AAAA")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("mail 4AAAA, 4AAAA0, 4BBBB0; Message-ID <m1@world.test>; SMS 4AAAA-a, 4AAAA-b")
    assert lines[1].split()[:3] == ["2025-03-01", "17:00:00", "mail.accepted"]
    assert "accepted: clean (mail_from=li@world.test)" in lines[1]
    assert lines[-1].endswith(f"SMS delivered, says the carrier {ALICE} 4AAAA-a: DELIVRD")
    assert "evil \ufffd" in done.stdout
    assert "secret" not in done.stdout
    assert "caiyou: Redis cannot be read: " in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_command_speaks_to_programs(settings: Settings) -> None:
    write(settings, *mail(0), *mail(100, "4BBBB", "<m2@world.test>"))
    found = json.loads(caiyou(settings, ALICE, "--json").stdout)
    assert [message["queue_ids"] for message in found] == [["4BBBB"], ["4AAAA"]]
    assert found[1]["entries"][0] == {
        "source": "ledger",
        "kind": "mail.accepted",
        "at": "2025-03-01T09:00:00+00:00",
        "id": "mail.accepted0",
        "queue_id": "4AAAA",
        "message_id": "<m1@world.test>",
        "result": "clean",
        "detail": {"mail_from": "li@world.test"},
    }
    assert [m["queue_ids"] for m in json.loads(caiyou(settings, ALICE, "--json", "--newest", "1").stdout)] == [
        ["4BBBB"]
    ]
    assert json.loads(caiyou(settings, "4ZZZZ", "--json").stdout) == []


@pytest.mark.parametrize("since", ["2025-03-01T17:01", "2025-03-01T09:01:00Z"])
def test_since_is_in_the_zone_of_the_site(settings: Settings, since: str) -> None:
    write(settings, *mail(0), *mail(100, "4BBBB", "<m2@world.test>"))
    found = json.loads(caiyou(settings, ALICE, "--json", "--since", since).stdout)
    assert [message["queue_ids"] for message in found] == [["4BBBB"]]


def test_what_is_not_known_is_one_line_and_exit_1(settings: Settings) -> None:
    settings.site.mail_log.write_text("")
    done = caiyou(settings, "4ZZZZ")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == "caiyou: nothing is known of 4ZZZZ"
    done = caiyou(settings, "4ZZZZ", "--since", "3h")
    assert done.stderr.splitlines()[-1] == "caiyou: nothing is known of 4ZZZZ since 3h"
    done = caiyou(settings, "4ZZZZ", "--since", "soon")
    assert done.returncode == 2
    assert "expected 90m, 3h, 2d" in done.stderr
    assert "Traceback" not in done.stderr
