"""Both sessions, against each other and against the peers that break the text. Time is a plain number here."""

from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail2sms.cmpp import auth
from mail2sms.cmpp.codes import Command, Result, Status, Version
from mail2sms.cmpp.events import (
    AskAnswered,
    Asked,
    Closed,
    Connected,
    DeliverAnswered,
    Delivered,
    DeliverUnanswered,
    Event,
    Forgave,
    LoginAsked,
    LoginRefused,
    Malformed,
    PeerTested,
    Reported,
    SubmitAnswered,
    Submitted,
    SubmitUnanswered,
    WindowFree,
)
from mail2sms.cmpp.frame import decode, encode, encode_report
from mail2sms.cmpp.pdu import (
    ActiveTest,
    ActiveTestResp,
    Cancel,
    CancelResp,
    Connect,
    ConnectResp,
    Deliver,
    DeliverResp,
    Pdu,
    Query,
    QueryResp,
    Report,
    Submit,
    SubmitResp,
    Terminate,
    TerminateResp,
)
from mail2sms.cmpp.session import ClientSession, Limits, Login, NotOpen, ServerSession, State, WindowFull
from mail2sms.session.frame import Splitter

V20, V30 = Version.V20, Version.V30
AT = datetime(2026, 11, 23, 9, 8, 7)  # noqa: DTZ001  the text wants local digits
LIMITS = Limits(window=3, answer_s=60, tries=3, idle_s=180)
SUBMIT = Submit(msg_fmt=8, msg_src="901234", src_id="10658878", dest_terminal_ids=("13800138000",), msg_content=b"\0A")
MO = Deliver(msg_id=77, dest_id="10658878", src_terminal_id="13800138000", msg_content=b"OK")
REPORT = Report(
    msg_id=55, stat="DELIVRD", submit_time="2611230908", done_time="2611230909", dest_terminal_id="13800138000"
)


def report_deliver(version: Version) -> Deliver:
    return Deliver(
        msg_id=55,
        dest_id="10658878",
        src_terminal_id="13800138000",
        registered_delivery=1,
        msg_content=encode_report(REPORT, version),
    )


def pdus(data: bytes, version: Version = V30) -> list[tuple[int, Pdu]]:
    return [decode(octets, version)[:2] for octets in Splitter().feed(data)]


def client(version: Version = V30, **login: object) -> tuple[ClientSession, Connect]:
    """A client that has asked to log in, and its CONNECT."""
    session = ClientSession(Login(sp_id="901234", secret="secret", version=version, **login), LIMITS)  # type: ignore[arg-type]
    session.connect(0, AT)
    ((_, connect),) = pdus(session.data_to_send(), version)
    assert isinstance(connect, Connect)
    return session, connect


def open_client(version: Version = V30) -> ClientSession:
    session, connect = client(version)
    proof = auth.authenticator_ismg(0, 4 if version is V30 else 1, connect.authenticator_source, "secret")
    answer = ConnectResp(status=0, authenticator_ismg=proof, version=version)
    assert session.receive(encode(answer, 1, version), 1) == [
        Connected(layout=version, peer_version=version, authentic=True)
    ]
    return session


def open_server(version: Version = V30) -> ServerSession:
    _, connect = client(version)
    session = ServerSession(LIMITS)
    assert session.receive(encode(connect, 1, version), 0) == [LoginAsked(connect=connect)]
    assert session.admit("secret", 0) == Status.OK
    session.data_to_send()
    return session


def exchange(one: ClientSession, other: ServerSession, now: float) -> tuple[list[Event], list[Event]]:
    """Carry octets both ways until nothing moves."""
    of_one: list[Event] = []
    of_other: list[Event] = []
    while True:
        to_other, to_one = one.data_to_send(), other.data_to_send()
        if not to_other and not to_one:
            return of_one, of_other
        of_other += other.receive(to_other, now)
        of_one += one.receive(to_one, now)


# --- login


@pytest.mark.parametrize("version", [V20, Version.V21, V30])
def test_client_and_server_log_in_and_talk(version: Version) -> None:
    session = ClientSession(Login(sp_id="901234", secret="secret", version=version), LIMITS)
    server = ServerSession(LIMITS)
    session.connect(0, AT)
    _, (asked,) = exchange(session, server, 0)
    assert isinstance(asked, LoginAsked)
    assert (asked.connect.source_addr, asked.connect.timestamp) == ("901234", 1123090807)
    server.admit("secret", 0)
    (connected,), _ = exchange(session, server, 0)
    assert connected == Connected(layout=version.layout, peer_version=version.layout, authentic=True)

    sequence_id = session.submit(SUBMIT, 1)
    _, (submitted,) = exchange(session, server, 1)
    assert submitted == Submitted(sequence_id=sequence_id, submit=SUBMIT)
    server.respond(sequence_id, SubmitResp(msg_id=55))
    (answered,), _ = exchange(session, server, 1)
    assert answered == SubmitAnswered(sequence_id=sequence_id, msg_id=55, result=0, tries=1)

    deliver_id = server.deliver(report_deliver(version.layout), 2)
    (reported,), _ = exchange(session, server, 2)
    assert isinstance(reported, Reported)
    assert reported.report == REPORT
    session.acknowledge(reported)
    _, (taken,) = exchange(session, server, 2)
    assert taken == DeliverAnswered(sequence_id=deliver_id, msg_id=55, result=0, tries=1)

    session.terminate(3)
    of_client, of_server = exchange(session, server, 3)
    assert of_client == [Closed(why="terminated", clean=True)]
    assert of_server == [Closed(why="the peer sent TERMINATE", clean=True)]


@pytest.mark.parametrize("layout", [V20, V30])
@pytest.mark.parametrize("asked", [V20, V30])
def test_refused_login_in_either_layout(asked: Version, layout: Version) -> None:
    session, _ = client(asked)
    events = session.receive(encode(ConnectResp(status=3, version=0x30), 1, layout), 1)
    assert LoginRefused(status=3, why="status 3") in events
    assert events[-1] == Closed(why="login refused: status 3")
    assert session.state is State.CLOSED


def test_answer_in_30_to_a_login_in_20_sets_the_layout() -> None:
    session, connect = client(V20)
    proof = auth.authenticator_ismg(0, 4, connect.authenticator_source, "secret")
    answer = encode(ConnectResp(status=0, authenticator_ismg=proof, version=0x20), 1, V30)
    assert len(answer) == 33
    events = session.receive(answer, 1)
    assert events[-1] == Connected(layout=V30, peer_version=0x20, authentic=True)
    session.submit(SUBMIT, 1)
    assert len(session.data_to_send()) == 163 + 32 + 2


WRONG_PROOFS: dict[str, Callable[[Connect], bytes]] = {
    "copy of ours": lambda connect: connect.authenticator_source,
    "text": lambda _: b"mockauth".ljust(16, b"\0"),
    "nothing": lambda _: bytes(16),
}


@pytest.mark.parametrize("proof", WRONG_PROOFS.values(), ids=WRONG_PROOFS)
def test_wrong_proof_of_the_ismg_is_a_warning(proof: Callable[[Connect], bytes]) -> None:
    session, connect = client()
    answer = encode(ConnectResp(status=0, authenticator_ismg=proof(connect), version=0x30), 1, V30)
    assert session.receive(answer, 1) == [
        Forgave(what="AuthenticatorISMG is wrong"),
        Connected(layout=V30, peer_version=0x30, authentic=False),
    ]


def test_wrong_proof_of_the_ismg_closes_where_it_is_required() -> None:
    session, _ = client(require_proof=True)
    events = session.receive(encode(ConnectResp(status=0, version=0x30), 1, V30), 1)
    assert [type(event) for event in events] == [LoginRefused, Closed]
    with pytest.raises(NotOpen):
        session.submit(SUBMIT, 1)


def test_server_refuses_a_wrong_secret_with_an_empty_proof_and_closes() -> None:
    for version in (V20, V30):
        _, connect = client(version)
        server = ServerSession(LIMITS)
        server.receive(encode(connect, 9, version), 0)
        assert server.admit("other", 0) == Status.AUTH
        assert pdus(server.data_to_send(), version) == [(9, ConnectResp(status=3, version=version))]
        assert server.state is State.CLOSED


def test_server_refuses_a_version_that_is_too_high() -> None:
    server = ServerSession(LIMITS)
    server.receive(
        encode(Connect(source_addr="1", authenticator_source=bytes(16), version=0x40, timestamp=1), 1, V30), 0
    )
    assert server.admit("secret", 0) == Status.VERSION_TOO_HIGH


@pytest.mark.parametrize("pdu", [SUBMIT, ActiveTest(), Terminate(), DeliverResp(msg_id=1)])
def test_server_closes_on_anything_before_the_login(pdu: Pdu) -> None:
    server = ServerSession(LIMITS)
    (closed,) = server.receive(encode(pdu, 1, V30), 0)
    assert closed == Closed(why=f"{type(pdu).__name__} before the login")
    assert server.data_to_send() == b""


def test_server_closes_on_a_submit_that_does_not_wait_for_the_answer_to_connect() -> None:
    _, connect = client()
    server = ServerSession(LIMITS)
    events = server.receive(encode(connect, 1, V30) + encode(SUBMIT, 2, V30), 0)
    assert [type(event) for event in events] == [LoginAsked, Closed]


def test_unanswered_connect_closes_after_t() -> None:
    session, _ = client()
    assert session.deadline == 60
    assert session.tick(59.9) == []
    assert session.tick(60) == [Closed(why="no login in time")]


def test_server_waits_for_connect_only_so_long() -> None:
    server = ServerSession(LIMITS)
    server.waits_for_login(5)
    assert server.tick(64) == []
    assert server.tick(65) == [Closed(why="no login in time")]


def test_connect_goes_once() -> None:
    session, _ = client()
    with pytest.raises(NotOpen):
        session.connect(1, AT)


# --- submits, window, resending


def test_window_fills_and_tells_once_when_it_is_free() -> None:
    session = open_client()
    ids = [session.submit(SUBMIT, 2) for _ in range(3)]
    assert session.free == 0
    with pytest.raises(WindowFull):
        session.submit(SUBMIT, 2)
    answers = b"".join(encode(SubmitResp(msg_id=i, result=0), ids[i], V30) for i in (2, 0))
    assert session.receive(answers, 3) == [
        SubmitAnswered(sequence_id=ids[2], msg_id=2, result=0, tries=1),
        SubmitAnswered(sequence_id=ids[0], msg_id=0, result=0, tries=1),
        WindowFree(free=2),
    ]
    assert session.receive(encode(SubmitResp(msg_id=1), ids[1], V30), 3) == [
        SubmitAnswered(sequence_id=ids[1], msg_id=1, result=0, tries=1)
    ]


def test_refused_submit_leaves_the_window_as_it_was() -> None:
    session = open_client()
    with pytest.raises(ValueError, match="msg_content"):
        session.submit(
            Submit(msg_fmt=8, msg_src="901234", src_id="1", dest_terminal_ids=("1",), msg_content=bytes(141)), 2
        )
    with pytest.raises(ValueError, match="src_id"):
        session.submit(Submit(msg_fmt=8, msg_src="901234", src_id="短", dest_terminal_ids=("1",), msg_content=b""), 2)
    assert session.free == 3
    assert session.data_to_send() == b""


def test_unanswered_submit_goes_three_times_and_is_then_given_up() -> None:
    session = open_client()
    sequence_id = session.submit(SUBMIT, 10)
    first = session.data_to_send()
    assert session.deadline == 70
    for now in (70, 130):
        session.receive(encode(ActiveTest(), 5, V30), now - 1)  # the link itself is alive
        session.data_to_send()
        assert session.tick(now - 0.5) == []
        assert session.data_to_send() == b""
        assert session.tick(now) == []
        assert session.data_to_send() == first
    assert session.tick(190) == [SubmitUnanswered(sequence_id=sequence_id, tries=3)]
    assert session.free == 3
    assert session.state is State.OPEN
    late = session.receive(encode(SubmitResp(msg_id=1), sequence_id, V30), 191)
    assert late == [Forgave(what="SUBMIT_RESP to no open request")]


def test_answer_after_a_resend_tells_the_tries() -> None:
    session = open_client()
    sequence_id = session.submit(SUBMIT, 10)
    session.tick(70)
    (answered,) = session.receive(encode(SubmitResp(msg_id=1, result=3), sequence_id, V30), 71)
    assert answered == SubmitAnswered(sequence_id=sequence_id, msg_id=1, result=Result.DUPLICATE_SEQUENCE, tries=2)


def test_closing_names_every_submit_in_doubt() -> None:
    session = open_client()
    ids = tuple(session.submit(SUBMIT, 2) for _ in range(2))
    assert session.connection_lost("reset") == [Closed(why="reset", unanswered=ids)]
    assert session.connection_lost("again") == []
    assert session.receive(encode(SubmitResp(msg_id=1), ids[0], V30), 3) == []
    with pytest.raises(NotOpen):
        session.submit(SUBMIT, 3)


def test_sequence_ids_count_on_and_skip_zero() -> None:
    session = open_client()
    session._sequence_id = 0xFFFF_FFFE
    assert [session.submit(SUBMIT, 2) for _ in range(3)] == [0xFFFF_FFFF, 1, 2]


# --- delivers


@pytest.mark.parametrize("version", [V20, V30])
def test_report_is_read_by_its_length_whatever_the_layout(version: Version) -> None:
    for body_version in (V20, V30):
        session = open_client(version)
        (event,) = session.receive(encode(report_deliver(body_version), 4, version), 2)
        assert isinstance(event, Reported)
        assert event.report == REPORT


def test_deliver_is_answered_only_when_the_owner_says_so() -> None:
    session = open_client()
    (event,) = session.receive(encode(MO, 4, V30), 2)
    assert event == Delivered(sequence_id=4, deliver=MO)
    assert session.data_to_send() == b""
    session.acknowledge(event)
    assert pdus(session.data_to_send()) == [(4, DeliverResp(msg_id=77, result=0))]


def test_deliver_sent_again_is_told_once_and_answered_each_time() -> None:
    session = open_client()
    (event,) = session.receive(encode(MO, 4, V30), 2)
    assert isinstance(event, Delivered)
    assert session.receive(encode(MO, 4, V30), 7) == []
    assert session.data_to_send() == b""
    session.acknowledge(event, Result.FLOW_CONTROL)
    session.data_to_send()
    assert session.receive(encode(MO, 4, V30), 12) == []
    assert pdus(session.data_to_send()) == [(4, DeliverResp(msg_id=77, result=8))]


def test_same_sequence_with_other_content_is_another_deliver() -> None:
    session = open_client()
    other = Deliver(msg_id=78, dest_id="10658878", src_terminal_id="13900139000", msg_content=b"NO")
    data = encode(MO, 0, V30) + encode(other, 0, V30)
    assert session.receive(data, 2) == [
        Delivered(sequence_id=0, deliver=MO),
        Delivered(sequence_id=0, deliver=other),
    ]


def test_delivers_without_msg_id_are_never_taken_for_repeats() -> None:
    session = open_client()
    bare = Deliver(msg_id=0, dest_id="1", src_terminal_id="1", msg_content=b"Y")
    assert len(session.receive(encode(bare, 0, V30) * 2, 2)) == 2


def test_memory_of_delivers_is_bounded() -> None:
    session = open_client()
    for msg_id in range(1, 5000):
        session.receive(encode(Deliver(msg_id=msg_id, dest_id="1", src_terminal_id="1", msg_content=b""), 1, V30), 2)
    assert len(session._delivers) <= 1024


def test_unreadable_report_is_answered_as_such_and_the_link_stays() -> None:
    session = open_client()
    broken = Deliver(msg_id=9, dest_id="1", src_terminal_id="1", registered_delivery=1, msg_content=b"short")
    (event,) = session.receive(encode(broken, 4, V30), 2)
    assert event == Malformed(command=Command.DELIVER, sequence_id=4, why="report: msg_id: 8 octets needed, 5 present")
    assert pdus(session.data_to_send()) == [(4, DeliverResp(msg_id=9, result=Result.STRUCTURE))]
    assert session.state is State.OPEN


def test_acknowledging_after_the_end_does_nothing() -> None:
    session = open_client()
    (event,) = session.receive(encode(MO, 4, V30), 2)
    session.connection_lost("gone")
    assert isinstance(event, Delivered)
    session.acknowledge(event)
    assert session.data_to_send() == b""


def test_server_sends_an_unanswered_deliver_again_and_gives_it_up() -> None:
    server = open_server()
    sequence_id = server.deliver(MO, 0)
    first = server.data_to_send()
    server.tick(60)
    assert server.data_to_send() == first
    server.receive(encode(ActiveTestResp(), 1, V30), 119)
    server.tick(120)
    assert server.tick(180) == [DeliverUnanswered(sequence_id=sequence_id, tries=3)]


def test_server_answers_query_and_cancel() -> None:
    server = open_server()
    query, cancel = Query(time="20261123"), Cancel(msg_id=5)
    events = server.receive(encode(query, 2, V30) + encode(cancel, 3, V30), 1)
    assert events == [Asked(sequence_id=2, request=query), Asked(sequence_id=3, request=cancel)]
    server.respond(2, QueryResp(time="20261123", mt_scs=1))
    server.respond(3, CancelResp(success_id=1))
    assert [pdu for _, pdu in pdus(server.data_to_send())] == [
        QueryResp(time="20261123", mt_scs=1),
        CancelResp(success_id=1),
    ]


@pytest.mark.parametrize("version", [V20, V30])
def test_client_asks_and_takes_the_answers_in_any_order(version: Version) -> None:
    session, server = ClientSession(Login(sp_id="901234", secret="s", version=version), LIMITS), ServerSession(LIMITS)
    session.connect(0, AT)
    exchange(session, server, 0)
    server.admit("s", 0)
    exchange(session, server, 0)
    query, cancel = Query(time="20261123", query_type=1, query_code="MAIL"), Cancel(msg_id=55)
    asked = session.ask(query, 1), session.ask(cancel, 1)
    assert session.free == 1
    _, events = exchange(session, server, 1)
    assert events == [Asked(sequence_id=asked[0], request=query), Asked(sequence_id=asked[1], request=cancel)]
    server.respond(asked[1], CancelResp(success_id=1))
    server.respond(asked[0], QueryResp(time="20261123", mt_scs=7, mo_fl=2))
    answers, _ = exchange(session, server, 1)
    assert answers == [
        AskAnswered(sequence_id=asked[1], answer=CancelResp(success_id=1)),
        AskAnswered(sequence_id=asked[0], answer=QueryResp(time="20261123", mt_scs=7, mo_fl=2)),
    ]
    assert session.free == 3


def test_unanswered_query_goes_three_times_and_is_then_given_up() -> None:
    session = open_client()
    sequence_id = session.ask(Query(time="20261123"), 10)
    first = session.data_to_send()
    for now in (70, 130):
        session.receive(encode(ActiveTest(), 5, V30), now - 1)
        session.data_to_send()
        assert session.tick(now) == []
        assert session.data_to_send() == first
    assert session.tick(190) == [AskAnswered(sequence_id=sequence_id, answer=None)]
    assert session.free == 3
    late = session.receive(encode(QueryResp(time="20261123"), sequence_id, V30), 191)
    assert late == [Forgave(what="QueryResp to no open request")]


def test_answer_of_another_kind_does_not_count() -> None:
    session = open_client()
    submit, query = session.submit(SUBMIT, 2), session.ask(Query(time="20261123"), 2)
    wrong = encode(SubmitResp(msg_id=1), query, V30)
    wrong += encode(QueryResp(time="20261123"), submit, V30) + encode(CancelResp(success_id=0), query, V30)
    assert session.receive(wrong, 3) == [
        Forgave(what="SUBMIT_RESP to another request"),
        Forgave(what="QueryResp to no open request"),
        Forgave(what="CancelResp to no open request"),
    ]
    assert session.connection_lost("end") == [Closed(why="end", unanswered=(submit, query))]


def test_impossible_query_leaves_the_window_as_it_was() -> None:
    session = open_client()
    with pytest.raises(ValueError, match=r"time: .* is not ASCII of at most 8 octets"):
        session.ask(Query(time="2026-1123"), 2)
    assert session.free == 3


# --- keeping the link


def test_silent_link_is_tested_three_times_and_closed() -> None:
    session = open_client()  # heard at 1
    in_doubt = session.submit(SUBMIT, 150)
    session.data_to_send()
    assert session.deadline == 181
    sent = []
    for now in (181, 241, 301):
        assert session.tick(now) == [] or now == 301
        sent += [pair for pair in pdus(session.data_to_send()) if isinstance(pair[1], ActiveTest)]
    assert len({sequence_id for sequence_id, _ in sent}) == 1
    assert len(sent) == 3
    events = session.tick(361)
    assert events[-1] == Closed(why="no answer to 3 ACTIVE_TEST", unanswered=events[-1].unanswered)
    assert in_doubt not in events[-1].unanswered  # given up by itself at 330
    assert session.deadline is None


def test_answered_test_keeps_the_link() -> None:
    session = open_client()
    session.tick(181)
    ((sequence_id, _),) = pdus(session.data_to_send())
    assert session.receive(encode(ActiveTestResp(), sequence_id, V30), 182) == []
    assert session.deadline == 182 + 180


def test_test_answered_by_a_test_keeps_the_link() -> None:
    session = open_client()
    session.tick(181)
    ((sequence_id, _),) = pdus(session.data_to_send())
    assert session.receive(encode(ActiveTest(), sequence_id, V30), 182) == [PeerTested(sequence_id=sequence_id)]
    assert pdus(session.data_to_send()) == [(sequence_id, ActiveTestResp())]
    assert session.tick(241) == [Forgave(what="ACTIVE_TEST answered by ACTIVE_TEST")]
    assert session.state is State.OPEN
    assert session.deadline == 182 + 180


def test_test_answered_with_another_sequence_keeps_the_link() -> None:
    session = open_client()
    session.tick(181)
    assert session.receive(encode(ActiveTestResp(), 999, V30), 182) == [
        Forgave(what="ACTIVE_TEST_RESP of another sequence")
    ]
    assert session.deadline == 182 + 180


def test_peers_test_with_sequence_0_is_answered() -> None:
    session = open_client()
    assert session.receive(encode(ActiveTest(), 0, V30), 2) == [PeerTested(sequence_id=0)]
    assert pdus(session.data_to_send()) == [(0, ActiveTestResp())]


def test_peers_terminate_is_answered_and_ends_it() -> None:
    session = open_client()
    pending = session.submit(SUBMIT, 2)
    session.data_to_send()
    data = encode(Terminate(), 8, V30) + encode(MO, 9, V30)
    assert session.receive(data, 3) == [
        Closed(why="the peer sent TERMINATE", clean=True, unanswered=(pending,)),
    ]
    assert pdus(session.data_to_send()) == [(8, TerminateResp())]


def test_terminate_waits_for_answers_on_the_way() -> None:
    session = open_client()
    pending = session.submit(SUBMIT, 2)
    session.terminate(3)
    assert session.free == 0
    data = encode(SubmitResp(msg_id=5), pending, V30) + encode(MO, 4, V30) + encode(TerminateResp(), 3, V30)
    assert [type(event) for event in session.receive(data, 4)] == [SubmitAnswered, Delivered, Closed]


def test_unanswered_terminate_closes_after_t() -> None:
    session = open_client()
    session.terminate(3)
    assert session.tick(63) == [Closed(why="TERMINATE was not answered", clean=True)]


# --- what is no CMPP


def test_absurd_length_closes_the_link() -> None:
    session = open_client()
    pending = session.submit(SUBMIT, 2)
    (closed,) = session.receive(b"HTTP/1.1 400 Bad Request\r\n", 3)
    assert closed == Closed(why="not CMPP: Total_Length 1213486160 is not in 12-4096", unanswered=(pending,))


def test_what_came_before_the_absurd_length_counts() -> None:
    session = open_client()
    events = session.receive(encode(MO, 4, V30) + bytes(12), 3)
    assert [type(event) for event in events] == [Delivered, Closed]


def test_unreadable_pdus_are_told_answered_and_end_the_link_when_there_are_too_many() -> None:
    session = open_client()
    cut = bytes.fromhex("00000010 00000005 00000009 00000000")
    (event,) = session.receive(cut, 2)
    assert event == Malformed(command=5, sequence_id=9, why="msg_id: 8 octets needed, 4 present")
    assert pdus(session.data_to_send()) == [(9, DeliverResp(msg_id=0, result=Result.STRUCTURE))]
    events = session.receive(cut * 200, 3)
    assert len([event for event in events if isinstance(event, Malformed)]) == 100
    assert events[-1] == Closed(why="more than 100 unreadable PDUs")


def test_unreadable_answer_to_connect_ends_the_login_and_nothing_later() -> None:
    cut = bytes.fromhex("0000000e 80000001 00000001 0000")
    session, _ = client()
    assert [type(event) for event in session.receive(cut, 1)] == [Malformed, Closed]
    session = open_client()
    assert [type(event) for event in session.receive(cut, 1)] == [Malformed]
    assert session.state is State.OPEN


def test_unreadable_submit_is_answered() -> None:
    server = open_server()
    server.receive(bytes.fromhex("0000000c 00000004 00000009"), 2)
    assert pdus(server.data_to_send()) == [(9, SubmitResp(msg_id=0, result=Result.STRUCTURE))]


def test_each_thing_forgiven_is_told_once() -> None:
    session = open_client()
    events = session.receive(encode(SubmitResp(msg_id=1), 500, V30) * 5, 2)
    assert events == [Forgave(what="SUBMIT_RESP to no open request")]


def test_whole_session_byte_by_byte() -> None:
    session, connect = client()
    proof = auth.authenticator_ismg(0, 4, connect.authenticator_source, "secret")
    data = encode(ConnectResp(status=0, authenticator_ismg=proof, version=0x30), 1, V30)
    data += encode(MO, 4, V30) + encode(report_deliver(V30), 5, V30) + encode(Terminate(), 6, V30)
    events = [event for octet in data for event in session.receive(bytes([octet]), 1)]
    assert [type(event) for event in events] == [Connected, Delivered, Reported, Closed]


@given(st.lists(st.binary(max_size=400), max_size=10), st.sampled_from(["client", "asked", "server", "new"]))
@settings(deadline=None)
def test_nothing_a_peer_sends_raises(pieces: list[bytes], which: str) -> None:
    made: dict[str, Callable[[], ClientSession | ServerSession]] = {
        "client": open_client,
        "asked": lambda: client()[0],
        "server": open_server,
        "new": lambda: ServerSession(LIMITS),
    }
    session = made[which]()
    for index, piece in enumerate(pieces):
        session.receive(piece, index)
        session.tick(index)
        session.data_to_send()


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_nothing_well_framed_raises(data: st.DataObject) -> None:
    session = data.draw(st.sampled_from([open_client, open_server]))()
    for _ in range(data.draw(st.integers(1, 6))):
        command = data.draw(st.sampled_from([1, 2, 4, 5, 6, 7, 8, 9])) | data.draw(st.sampled_from([0, 0x8000_0000]))
        body = data.draw(st.binary(max_size=300))
        head = (12 + len(body)).to_bytes(4, "big") + command.to_bytes(4, "big") + bytes(4)
        session.receive(head + body, 2)
        session.data_to_send()


@pytest.mark.parametrize("limits", [{"window": 0}, {"tries": 0}, {"answer_s": 0}, {"idle_s": -1}])
def test_impossible_limits_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="or more"):
        Limits(**limits)
