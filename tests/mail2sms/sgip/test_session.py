"""All four sessions, against each other and against the peers that break the text. Time is a plain number here."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail2sms.session.events import Closed, Forgave, LoginRefused, Malformed, WindowFree
from mail2sms.session.frame import Splitter
from mail2sms.sgip.codes import Command, LoginType, Result, words_of
from mail2sms.sgip.events import Answered, BindAsked, Bound, Requested, Unanswered
from mail2sms.sgip.frame import HEADER_OCTETS, MAX_PDU_OCTETS, decode, encode, encode_answer
from mail2sms.sgip.pdu import (
    Bind,
    BindResp,
    Deliver,
    DeliverResp,
    Message,
    Pdu,
    Report,
    ReportResp,
    Submit,
    SubmitResp,
    Unbind,
    UnbindResp,
    UserRpt,
)
from mail2sms.sgip.sequence import Sequencer
from mail2sms.sgip.session import (
    BY_SMG,
    BY_SP,
    UNBIND_S,
    ClientSession,
    Limits,
    NotOpen,
    ServerSession,
    SgipSession,
    State,
    WindowFull,
)
from mail2sms.sgip.taken import REMEMBERED, Seen, Taken

LIMITS = Limits(window=3, answer_s=30, tries=3, idle_s=45)
SUBMIT = Submit(
    sp_number="10655", user_numbers=("8613000000001",), corp_id="99999", message_coding=8, message_content=b"\0A"
)
DELIVER = Deliver(user_number="8613000000001", sp_number="10655", message_content=b"OK")
REPORT = Report(submit_sequence=bytes(12), user_number="8613000000001", state=0)
USER_RPT = UserRpt(sp_number="10655", user_number="8613000000001", user_condition=2)


def pdus(data: bytes) -> list[tuple[int, Pdu]]:
    return [decode(octets)[:2] for octets in Splitter(MAX_PDU_OCTETS, HEADER_OCTETS).feed(data)]


def sp_client(taken: Taken | None = None) -> ClientSession:
    """The SP's session that submits, bound."""
    session = ClientSession(LIMITS, Sequencer(3010099999), BY_SMG, Taken() if taken is None else taken)
    session.bind(LoginType.SP_TO_SMG, "caiyou", "secret", 0)
    ((sequence, bind),) = pdus(session.data_to_send())
    assert bind == Bind(login_type=1, login_name="caiyou", login_password="secret")
    assert session.receive(encode(BindResp(result=0), sequence), 0) == [Bound()]
    return session


def sp_server(taken: Taken | None = None) -> ServerSession:
    """The SP's session that an SMG has bound to."""
    session = ServerSession(LIMITS, Sequencer(3010099999), BY_SMG, Taken() if taken is None else taken)
    session.waits_for_login(0, 10)
    bind = Bind(login_type=2, login_name="smg", login_password="secret")
    assert session.receive(encode(bind, 9), 0) == [BindAsked(bind=bind)]
    session.admit(0)
    assert pdus(session.data_to_send()) == [(9, BindResp(result=0))]
    return session


def exchange(one: SgipSession, other: SgipSession, now: float) -> tuple[list[Any], list[Any]]:
    """Carry octets both ways until nothing moves."""
    of_one: list[Any] = []
    of_other: list[Any] = []
    while True:
        to_other, to_one = one.data_to_send(), other.data_to_send()
        if not to_other and not to_one:
            return of_one, of_other
        of_other += other.receive(to_other, now)
        of_one += one.receive(to_one, now)


@pytest.mark.parametrize(
    "login_type, takes, message",
    [(LoginType.SP_TO_SMG, BY_SP, SUBMIT), *((LoginType.SMG_TO_SP, BY_SMG, m) for m in (DELIVER, REPORT, USER_RPT))],
)
def test_who_has_something_to_send_binds_and_sends(
    login_type: LoginType, takes: frozenset[type[Message]], message: Message
) -> None:
    client = ClientSession(LIMITS, Sequencer(1), frozenset(), Taken())
    server = ServerSession(LIMITS, Sequencer(2), takes, Taken())
    client.bind(login_type, "name", "password", 0)
    _, (asked,) = exchange(client, server, 0)
    assert asked.bind.login_type == login_type
    server.admit(0)
    assert exchange(client, server, 0) == ([Bound()], [])

    sequence = client.request(message, 1)
    _, (requested,) = exchange(client, server, 1)
    assert requested == Requested(sequence_id=sequence, message=message)
    assert server.owed == 1
    server.acknowledge(requested, 0)
    assert exchange(client, server, 1) == ([Answered(sequence_id=sequence, result=0, tries=1)], [])
    assert server.owed == 0

    client.terminate(2)
    ours, theirs = exchange(client, server, 2)
    assert ours == [Closed(why="terminated", clean=True)]
    assert theirs == [Closed(why="the peer sent UNBIND", clean=True)]


# --- login


@pytest.mark.parametrize("result", [1, 3, 4, 11, 34, 200])
def test_refused_login(result: int) -> None:
    session = ClientSession(LIMITS, Sequencer(1), BY_SMG, Taken())
    session.bind(LoginType.SP_TO_SMG, "caiyou", "wrong", 0)
    found = session.receive(encode(BindResp(result=result), 1), 0)
    assert found == [
        LoginRefused(status=result, why=words_of(result)),
        Closed(why=f"login refused: {words_of(result)}"),
    ]


def test_a_password_that_does_not_fit_is_not_shown() -> None:
    session = ClientSession(LIMITS, Sequencer(1), BY_SMG, Taken())
    with pytest.raises(ValueError, match="at most 16 octets") as caught:
        session.bind(LoginType.SP_TO_SMG, "caiyou", "a-long-password-17", 0)
    assert "a-long" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_login_in_vain_on_either_side() -> None:
    assert ClientSession(LIMITS, Sequencer(1), BY_SMG, Taken()).deadline is None
    client = ClientSession(LIMITS, Sequencer(1), BY_SMG, Taken())
    client.bind(LoginType.SP_TO_SMG, "caiyou", "x", 0)
    assert client.deadline == 30
    assert client.tick(30) == [Closed(why="no login in time")]
    server = ServerSession(LIMITS, Sequencer(1), BY_SMG, Taken())
    server.waits_for_login(0, 10)
    assert server.deadline == 10
    assert server.tick(10) == [Closed(why="no login in time")]


@pytest.mark.parametrize("first", [Unbind(), DELIVER, REPORT, ReportResp()])
def test_nothing_comes_before_the_login(first: Pdu) -> None:
    server = ServerSession(LIMITS, Sequencer(1), BY_SMG, Taken())
    server.waits_for_login(0, 10)
    assert server.receive(encode(first, 1), 0) == [Closed(why=f"{type(first).__name__} before the login")]
    assert server.data_to_send() == b""


def test_second_bind_gets_result_2_and_the_link_stays() -> None:
    server = sp_server()
    again = encode(Bind(login_type=2, login_name="smg", login_password="secret"), 10)
    assert server.receive(again, 1) == [Forgave(what="BIND a second time")]
    assert pdus(server.data_to_send()) == [(10, BindResp(result=Result.SECOND_LOGIN))]
    assert server.state is State.OPEN


def test_refused_by_us() -> None:
    server = ServerSession(LIMITS, Sequencer(1), BY_SMG, Taken())
    server.receive(encode(Bind(login_type=2, login_name="smg", login_password="wrong"), 7), 0)
    server.refuse(Result.LOGIN)
    assert pdus(server.data_to_send()) == [(7, BindResp(result=1))]
    server.admit(0)  # too late
    assert server.data_to_send() == b""
    assert server.connection_lost("end") == [Closed(why="login refused: 1 login")]
    with pytest.raises(NotOpen):
        sp_server().admit(0)


def test_messages_behind_a_bind_that_is_not_answered_yet() -> None:
    server = ServerSession(LIMITS, Sequencer(1), BY_SMG, Taken())
    bind = Bind(login_type=2, login_name="smg", login_password="secret")
    found = server.receive(encode(bind, 7) + encode(DELIVER, 8) + encode(bind, 9), 0)
    assert found == [
        BindAsked(bind=bind),
        Forgave(what="Deliver before BIND was answered"),
        Forgave(what="Bind before BIND was answered"),
    ]
    server.admit(0)
    assert pdus(server.data_to_send()) == [(7, BindResp(result=0))]
    assert server.receive(encode(DELIVER, 8), 30) == [Requested(sequence_id=8, message=DELIVER)]


def test_messages_before_the_bind_response_wait_to_come_again() -> None:
    client = ClientSession(LIMITS, Sequencer(1), BY_SMG, Taken())
    client.bind(LoginType.SP_TO_SMG, "caiyou", "x", 0)
    client.data_to_send()
    assert client.receive(encode(REPORT, 5), 0) == [Forgave(what="Report before BIND_RESP")]
    assert client.data_to_send() == b""
    client.receive(encode(BindResp(result=0), 1), 0)
    assert client.receive(encode(REPORT, 5), 1) == [Requested(sequence_id=5, message=REPORT)]


# --- our requests


def test_window_and_its_opening() -> None:
    session = sp_client()
    sent = [session.request(SUBMIT, 0) for _ in range(3)]
    assert session.free == 0
    with pytest.raises(WindowFull):
        session.request(SUBMIT, 0)
    found = session.receive(encode(SubmitResp(result=0), sent[1]), 1)
    assert found == [Answered(sequence_id=sent[1], result=0, tries=1), WindowFree(free=1)]


def test_window_of_the_text_is_32() -> None:
    session = ClientSession(Limits(window=32), Sequencer(1), BY_SMG, Taken())
    session.bind(LoginType.SP_TO_SMG, "caiyou", "x", 0)
    session.receive(encode(BindResp(result=0), 1), 0)
    for _ in range(32):
        session.request(SUBMIT, 0)
    with pytest.raises(WindowFull):
        session.request(SUBMIT, 0)


def test_resent_with_the_same_sequence_after_30_s_and_given_up() -> None:
    session = sp_client()
    sequence = session.request(SUBMIT, 0)
    first = session.data_to_send()
    assert pdus(first) == [(sequence, SUBMIT)]
    assert session.deadline == 30
    assert session.tick(29.9) == []
    assert session.data_to_send() == b""
    for at in (30, 60):
        assert session.tick(at) == []
        assert session.data_to_send() == first
    assert session.tick(90) == [Unanswered(sequence_id=sequence, tries=3)]
    # Nothing was heard all the time, so it unbinds; the answer that comes then is forgiven.
    assert session.state is State.ENDING
    assert session.receive(encode(SubmitResp(result=0), sequence), 91) == [
        Forgave(what="SubmitResp to no open request")
    ]


def test_a_submit_that_may_not_be_sent_is_refused_here() -> None:
    session = sp_client()
    with pytest.raises(ValueError, match="140 allowed"):
        session.request(
            Submit(sp_number="1", user_numbers=("861",), corp_id="1", message_coding=8, message_content=bytes(142)),
            0,
        )
    assert session.free == 3


def test_cut_names_what_is_in_doubt() -> None:
    session = sp_client()
    sent = tuple(session.request(SUBMIT, 0) for _ in range(2))
    assert session.connection_lost("reset") == [Closed(why="reset", unanswered=sent)]
    assert session.connection_lost("reset") == []
    assert session.receive(encode(SubmitResp(result=0), sent[0]), 1) == []


# --- messages of the peer


@pytest.mark.parametrize("make", [sp_server, sp_client])
def test_messages_come_down_either_connection_and_are_answered_when_done(make: Any) -> None:
    session = make()
    messages: tuple[Message, ...] = (REPORT, DELIVER, USER_RPT)
    for sequence, message in enumerate(messages, 100):
        (event,) = session.receive(encode(message, sequence), 1)
        assert event == Requested(sequence_id=sequence, message=message)
        assert session.data_to_send() == b""
        session.acknowledge(event)
        assert session.data_to_send() == encode_answer(message.COMMAND, sequence, 0)


def test_same_sequence_same_content_is_dropped_and_answered_as_before() -> None:
    session = sp_server()
    (event,) = session.receive(encode(REPORT, 100), 1)
    assert session.receive(encode(REPORT, 100), 31) == []
    assert session.data_to_send() == b""  # its answer is still to come
    session.acknowledge(event, Result.BUSY)
    session.data_to_send()
    assert session.receive(encode(REPORT, 100), 61) == []
    assert pdus(session.data_to_send()) == [(100, ReportResp(result=Result.BUSY))]
    assert session.owed == 0


def test_same_sequence_other_content_gets_result_9() -> None:
    session = sp_server()
    (event,) = session.receive(encode(REPORT, 100), 1)
    other = Report(submit_sequence=bytes(12), user_number="8613000000001", state=2, error_code=25)
    for message in (other, DELIVER):
        session.receive(encode(message, 100), 1)
        assert pdus(session.data_to_send())[0][1] in (
            ReportResp(result=Result.SEQUENCE),
            DeliverResp(result=Result.SEQUENCE),
        )
    session.acknowledge(event)
    assert pdus(session.data_to_send()) == [(100, ReportResp(result=0))]


def test_a_repeat_on_the_next_connection() -> None:
    taken = Taken()
    first, second = sp_server(taken), sp_server(taken)
    (event,) = first.receive(encode(DELIVER, 100), 1)
    first.connection_lost("reset")
    # Its answer could not be given: it is handed on again, the owner knows repeats.
    (again,) = second.receive(encode(DELIVER, 100), 2)
    assert again == event
    first.acknowledge(event)  # on the dead one: nothing to send, but it is known
    assert first.data_to_send() == b""
    third = sp_server(taken)
    assert third.receive(encode(DELIVER, 100), 3) == []
    assert pdus(third.data_to_send()) == [(100, DeliverResp(result=0))]


def test_what_is_remembered_is_bounded() -> None:
    taken = Taken()
    for sequence in range(3 * REMEMBERED):
        assert taken.take(sequence, REPORT, taken) is Seen.NEW
    assert len(taken) == REMEMBERED
    taken.answered(0, REPORT, 0)  # forgotten
    assert len(taken) == REMEMBERED


# --- idle: there is no heartbeat


def test_idle_client_unbinds_itself() -> None:
    session = sp_client()
    assert session.deadline == 45
    assert session.tick(44) == []
    assert session.tick(45) == []
    ((sequence, pdu),) = pdus(session.data_to_send())
    assert pdu == Unbind()
    assert session.rests
    assert session.state is State.ENDING
    assert session.receive(encode(UnbindResp(), sequence), 45.1) == [Closed(why="terminated", clean=True)]


def test_idle_client_does_not_wait_long_for_the_answer_to_unbind() -> None:
    session = sp_client()
    session.tick(45)
    assert session.deadline == 45 + UNBIND_S
    assert session.tick(45 + UNBIND_S) == [Closed(why="UNBIND was not answered", clean=True)]


def test_not_idle_while_anything_is_open() -> None:
    session = sp_client()
    session.request(SUBMIT, 0)
    assert session.deadline == 30
    session.tick(46)  # sent again
    assert session.state is State.OPEN
    server = sp_client()
    (event,) = server.receive(encode(REPORT, 1), 0)
    assert server.deadline is None
    server.tick(1000)
    assert server.state is State.OPEN
    server.acknowledge(event)
    assert server.deadline == 45


def test_idle_server_closes() -> None:
    server = sp_server()
    assert server.tick(45) == [Closed(why="idle for 45 s", clean=True)]
    assert server.data_to_send() == b""


def test_the_smg_unbinds() -> None:
    session = sp_client()
    sent = session.request(SUBMIT, 0)
    session.data_to_send()
    assert session.receive(encode(Unbind(), 5), 1) == [
        Closed(why="the peer sent UNBIND", clean=True, unanswered=(sent,))
    ]
    assert pdus(session.data_to_send()) == [(5, UnbindResp())]


def test_messages_before_an_unbind_are_answered_before_it() -> None:
    session = sp_server()
    (event,) = session.receive(encode(REPORT, 5) + encode(Unbind(), 6), 1)
    assert session.data_to_send() == b""
    session.acknowledge(event)
    assert pdus(session.data_to_send()) == [(5, ReportResp()), (6, UnbindResp())]
    assert session.connection_lost("end") == [Closed(why="the peer sent UNBIND", clean=True)]


def test_an_unbind_does_not_wait_for_ever() -> None:
    session = sp_server()
    session.receive(encode(REPORT, 5) + encode(Unbind(), 6), 1)
    assert session.deadline == 31
    (closed,) = session.tick(31)
    assert isinstance(closed, Closed)


def test_answers_and_messages_are_still_taken_while_ending() -> None:
    session = sp_client()
    sent = session.request(SUBMIT, 0)
    session.terminate(1)
    session.data_to_send()
    with pytest.raises(NotOpen):
        session.request(SUBMIT, 1)
    assert session.receive(encode(SubmitResp(result=0), sent), 2) == [Answered(sequence_id=sent, result=0, tries=1)]
    (event,) = session.receive(encode(REPORT, 5), 2)
    session.acknowledge(event)
    assert pdus(session.data_to_send()) == [(5, ReportResp())]


# --- what breaks the text


def test_unknown_commands_get_result_7_with_the_response_bit() -> None:
    session = sp_server()
    for command in (0x0E, Command.CHECKUSER, Command.TRACE):
        octets = (29).to_bytes(4, "big") + int(command).to_bytes(4, "big") + (77).to_bytes(12, "big") + bytes(9)
        (event,) = session.receive(octets, 1)
        assert isinstance(event, Malformed)
        assert event.command == command
        assert session.data_to_send() == encode_answer(command, 77, Result.MESSAGE_ID)
    assert session.state is State.OPEN


def test_a_misprinted_response_is_not_answered_for_ever() -> None:
    """8000000Eh from a peer is a response to nothing: no answer, else two such peers would talk for ever."""
    session = sp_server()
    octets = encode_answer(0x0E, 1, 0)
    (event,) = session.receive(octets, 1)
    assert isinstance(event, Malformed)
    assert session.data_to_send() == b""


def test_cut_message_gets_result_8() -> None:
    session = sp_server()
    whole = encode(DELIVER, 77)
    (event,) = session.receive((40).to_bytes(4, "big") + whole[4:40], 1)
    assert isinstance(event, Malformed)
    assert pdus(session.data_to_send()) == [(77, DeliverResp(result=Result.LENGTH))]


def test_a_message_that_only_the_other_side_sends_is_dropped() -> None:
    session = sp_server()
    assert session.receive(encode(SUBMIT, 1), 1) == [Forgave(what="Submit where none belongs")]


def test_unreadable_ones_are_counted() -> None:
    session = sp_server()
    bad = (20).to_bytes(4, "big") + (0x99).to_bytes(4, "big") + bytes(12)
    found = session.receive(bad * 101, 1)
    assert found[-1] == Closed(why="more than 100 unreadable PDUs")


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.0\r\n\r\n", bytes(20), b"\xff" * 8])
def test_junk_ends_the_session(junk: bytes) -> None:
    server = ServerSession(LIMITS, Sequencer(1), BY_SMG, Taken())
    server.waits_for_login(0, 10)
    (event,) = server.receive(junk, 0)
    assert isinstance(event, Closed)
    assert event.why.startswith("not SGIP: ")
    assert server.data_to_send() == b""


def test_octet_by_octet() -> None:
    session = sp_server()
    messages: tuple[Message, ...] = (REPORT, DELIVER, USER_RPT)
    stream = b"".join(encode(m, n) for n, m in enumerate(messages, 1))
    found = [event for at in range(len(stream)) for event in session.receive(stream[at : at + 1], 1)]
    assert [event.message for event in found] == [REPORT, DELIVER, USER_RPT]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_mutated_streams_never_raise(data: st.DataObject) -> None:
    """Whatever comes, a session says so or drops it, and what it sends is SGIP."""
    session: SgipSession = data.draw(st.sampled_from([sp_client, sp_server]))()
    if isinstance(session, ClientSession):
        session.request(SUBMIT, 0)
    session.data_to_send()
    some: list[Pdu] = [REPORT, DELIVER, USER_RPT, SUBMIT, SubmitResp(), Unbind(), UnbindResp(), BindResp(result=1)]
    stream = bytearray(
        b"".join(encode(data.draw(st.sampled_from(some)), data.draw(st.integers(0, 3))) for _ in range(6))
    )
    for _ in range(data.draw(st.integers(0, 6))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    step = data.draw(st.integers(1, len(stream)))
    now = 1.0
    for at in range(0, len(stream), step):
        for event in session.receive(bytes(stream[at : at + step]), now):
            if isinstance(event, Requested):
                session.acknowledge(event)
        now += data.draw(st.sampled_from([0.0, 31.0]))
        session.tick(now)
        for octets in Splitter(MAX_PDU_OCTETS, HEADER_OCTETS).feed(session.data_to_send()):
            assert len(octets) >= HEADER_OCTETS
    session.connection_lost("end")
    assert session.is_closed
