"""Both sessions, against each other and against peers that break the text. Time is a plain number here."""

from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail2sms.session.frame import Splitter
from mail2sms.smgp import auth
from mail2sms.smgp.codes import Command, LoginMode, Status
from mail2sms.smgp.events import (
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
from mail2sms.smgp.frame import decode, encode
from mail2sms.smgp.pdu import (
    NO_MSG_ID,
    ActiveTest,
    ActiveTestResp,
    Deliver,
    DeliverResp,
    Exit,
    ExitResp,
    Login,
    LoginResp,
    Pdu,
    Submit,
    SubmitResp,
)
from mail2sms.smgp.report import Report, encode_report
from mail2sms.smgp.session import ClientSession, Credentials, Limits, NotOpen, ServerSession, State, WindowFull

AT = datetime(2026, 11, 23, 9, 8, 7)  # noqa: DTZ001  the text wants local digits
LIMITS = Limits(window=3, answer_s=60, tries=3, idle_s=180)
ID = bytes.fromhex("01000111230908000042")
SUBMIT = Submit(msg_format=8, src_term_id="10659", dest_term_ids=("18900000001",), msg_content=b"\0A")
MO = Deliver(msg_id=ID, src_term_id="18900000001", dest_term_id="10659", msg_content=b"OK")
REPORT = Report(msg_id=ID, submit_date="2611230908", done_date="2611230909", stat="DELIVRD", err="000")
REPORT_DELIVER = Deliver(
    msg_id=bytes(9) + b"\1",
    is_report=1,
    src_term_id="18900000001",
    dest_term_id="10659",
    msg_content=encode_report(REPORT),
)


def pdus(data: bytes) -> list[tuple[int, Pdu]]:
    return [decode(octets)[:2] for octets in Splitter().feed(data)]


def client(**more: object) -> tuple[ClientSession, Login]:
    """A client that has asked to log in, and its LOGIN."""
    session = ClientSession(Credentials(client_id="90123456", secret="secret", **more), LIMITS)  # type: ignore[arg-type]
    session.login(0, AT)
    ((_, login),) = pdus(session.data_to_send())
    assert isinstance(login, Login)
    return session, login


def open_client() -> ClientSession:
    session, login = client()
    proof = auth.authenticator_server(0, login.authenticator_client, "secret")
    assert session.receive(encode(LoginResp(status=0, authenticator_server=proof), 1), 1) == [
        Connected(peer_version=0x30, authentic=True)
    ]
    return session


def open_server() -> ServerSession:
    _, login = client()
    session = ServerSession(LIMITS)
    assert session.receive(encode(login, 1), 0) == [LoginAsked(login=login)]
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


def test_client_and_server_log_in_and_talk() -> None:
    session, server = ClientSession(Credentials(client_id="90123456", secret="secret"), LIMITS), ServerSession(LIMITS)
    session.login(0, AT)
    _, (asked,) = exchange(session, server, 0)
    assert isinstance(asked, LoginAsked)
    assert (asked.login.client_id, asked.login.timestamp) == ("90123456", 1123090807)
    assert (asked.login.login_mode, asked.login.client_version) == (LoginMode.BOTH, 0x30)
    server.admit("secret", 0)
    (connected,), _ = exchange(session, server, 0)
    assert connected == Connected(peer_version=0x30, authentic=True)

    sequence_id = session.submit(SUBMIT, 1)
    _, (submitted,) = exchange(session, server, 1)
    assert submitted == Submitted(sequence_id=sequence_id, submit=SUBMIT)
    server.respond(sequence_id, SubmitResp(msg_id=ID))
    (answered,), _ = exchange(session, server, 1)
    assert answered == SubmitAnswered(sequence_id=sequence_id, msg_id=ID, status=0, tries=1)

    deliver_id = server.deliver(REPORT_DELIVER, 2)
    (reported,), _ = exchange(session, server, 2)
    assert isinstance(reported, Reported)
    assert reported.report == REPORT
    session.acknowledge(reported)
    _, (taken,) = exchange(session, server, 2)
    assert taken == DeliverAnswered(sequence_id=deliver_id, msg_id=REPORT_DELIVER.msg_id, status=0, tries=1)

    session.terminate(3)
    of_client, of_server = exchange(session, server, 3)
    assert of_client == [Closed(why="terminated", clean=True)]
    assert of_server == [Closed(why="the peer sent EXIT", clean=True)]


@pytest.mark.parametrize("status", [Status.AUTH, 3, Status.TOO_MANY_LINKS])
def test_refused_login(status: int) -> None:
    """SMSGate answers a wrong password with 3, the text says 21."""
    session, _ = client()
    assert session.receive(encode(LoginResp(status=status), 1), 1) == [
        LoginRefused(status=status, why=f"status {int(status)}"),
        Closed(why=f"login refused: status {int(status)}"),
    ]


WRONG_PROOFS: dict[str, Callable[[Login], bytes]] = {
    "copy of ours": lambda login: login.authenticator_client,
    "over one octet of status": lambda login: auth._md5(b"\0" + login.client_id.encode() + b"secret"),  # hrygo/gosms
    "nothing": lambda _: bytes(16),
}


@pytest.mark.parametrize("proof", WRONG_PROOFS.values(), ids=WRONG_PROOFS)
def test_wrong_proof_of_the_smgw_is_a_warning(proof: Callable[[Login], bytes]) -> None:
    session, login = client()
    answer = LoginResp(status=0, authenticator_server=proof(login), server_version=0x13)
    assert session.receive(encode(answer, 1), 1) == [
        Forgave(what="AuthenticatorServer is wrong"),
        Connected(peer_version=0x13, authentic=False),
    ]


def test_wrong_proof_of_the_smgw_closes_where_it_is_required() -> None:
    session, _ = client(require_proof=True)
    events = session.receive(encode(LoginResp(status=0), 1), 1)
    assert [type(event) for event in events] == [LoginRefused, Closed]
    with pytest.raises(NotOpen):
        session.submit(SUBMIT, 1)


def test_server_refuses_a_wrong_secret_with_an_empty_proof_and_closes() -> None:
    _, login = client()
    server = ServerSession(LIMITS)
    server.receive(encode(login, 9), 0)
    assert server.admit("other", 0) == Status.AUTH
    assert pdus(server.data_to_send()) == [(9, LoginResp(status=21))]
    assert server.state is State.CLOSED


def test_server_refuses_a_version_that_is_too_high() -> None:
    server = ServerSession(LIMITS)
    server.receive(encode(Login(client_id="1", authenticator_client=bytes(16), timestamp=1, client_version=0x40), 1), 0)
    assert server.admit("secret", 0) == Status.VERSION_TOO_HIGH


@pytest.mark.parametrize("pdu", [SUBMIT, ActiveTest(), Exit(), DeliverResp(msg_id=ID)])
def test_server_closes_on_anything_before_the_login(pdu: Pdu) -> None:
    server = ServerSession(LIMITS)
    assert server.receive(encode(pdu, 1), 0) == [Closed(why=f"{type(pdu).__name__} before the login")]
    assert server.data_to_send() == b""


def test_logins_wait_only_so_long() -> None:
    session, _ = client()
    assert session.tick(60) == [Closed(why="no login in time")]
    server = ServerSession(LIMITS)
    server.waits_for_login(5)
    assert server.tick(64) == []
    assert server.tick(65) == [Closed(why="no login in time")]


def test_login_goes_once_and_comes_once() -> None:
    session, login = client()
    with pytest.raises(NotOpen):
        session.login(1, AT)
    server = open_server()
    assert server.receive(encode(login, 2), 1) == [Forgave(what="Login a second time")]


def test_reports_before_the_login_is_answered_are_dropped() -> None:
    session, _ = client()
    assert session.receive(encode(MO, 1), 1) == [Forgave(what="Deliver before LOGIN_RESP")]


# --- submits


def test_window_fills_and_tells_once_when_it_is_free() -> None:
    session = open_client()
    ids = [session.submit(SUBMIT, 2) for _ in range(3)]
    with pytest.raises(WindowFull):
        session.submit(SUBMIT, 2)
    assert session.receive(encode(SubmitResp(msg_id=ID, status=1), ids[2]), 3) == [
        SubmitAnswered(sequence_id=ids[2], msg_id=ID, status=Status.BUSY, tries=1),
        WindowFree(free=1),
    ]


def test_refused_submit_leaves_the_window_as_it_was() -> None:
    session = open_client()
    with pytest.raises(ValueError, match="msg_content"):
        session.submit(Submit(msg_format=8, src_term_id="1", dest_term_ids=("1",), msg_content=bytes(141)), 2)
    assert session.free == 3
    assert session.data_to_send() == b""


def test_unanswered_submit_goes_three_times_and_is_then_given_up() -> None:
    session = open_client()
    sequence_id = session.submit(SUBMIT, 10)
    first = session.data_to_send()
    for now in (70, 130):
        session.receive(encode(ActiveTest(), 5), now - 1)  # the link itself is alive
        session.data_to_send()
        assert session.tick(now) == []
        assert session.data_to_send() == first
    assert session.tick(190) == [SubmitUnanswered(sequence_id=sequence_id, tries=3)]
    assert session.state is State.OPEN


def test_closing_names_every_submit_in_doubt() -> None:
    session = open_client()
    ids = tuple(session.submit(SUBMIT, 2) for _ in range(2))
    assert session.connection_lost("reset") == [Closed(why="reset", unanswered=ids)]


# --- delivers


def test_deliver_is_answered_only_when_the_owner_says_so_and_a_repeat_as_before() -> None:
    session = open_client()
    (event,) = session.receive(encode(MO, 4), 2)
    assert event == Delivered(sequence_id=4, deliver=MO)
    assert session.receive(encode(MO, 4), 3) == []
    assert session.data_to_send() == b""
    session.acknowledge(event, Status.BUSY)
    assert pdus(session.data_to_send()) == [(4, DeliverResp(msg_id=ID, status=1))]
    assert session.receive(encode(MO, 4), 12) == []
    assert pdus(session.data_to_send()) == [(4, DeliverResp(msg_id=ID, status=1))]


def test_delivers_without_msg_id_are_never_taken_for_repeats() -> None:
    session = open_client()
    bare = Deliver(msg_id=NO_MSG_ID, src_term_id="1", dest_term_id="1", msg_content=b"Y")
    assert len(session.receive(encode(bare, 0) * 2, 2)) == 2


def test_unreadable_report_is_answered_as_such_and_the_link_stays() -> None:
    session = open_client()
    broken = Deliver(msg_id=ID, is_report=1, src_term_id="1", dest_term_id="1", msg_content=b"id:short")
    assert session.receive(encode(broken, 4), 2) == [
        Malformed(command=Command.DELIVER, sequence_id=4, why="report: id: 10 octets needed, 5 present")
    ]
    assert pdus(session.data_to_send()) == [(4, DeliverResp(msg_id=ID, status=10))]
    assert session.state is State.OPEN


def test_unreadable_requests_are_answered() -> None:
    session, server = open_client(), open_server()
    (event,) = session.receive(encode(MO, 4)[:3] + b"\x28" + encode(MO, 4)[4:40], 2)
    assert isinstance(event, Malformed)
    assert pdus(session.data_to_send()) == [(4, DeliverResp(msg_id=NO_MSG_ID, status=10))]
    (event,) = server.receive(bytes.fromhex("0000000d 00000002 00000007 06"), 2)
    assert isinstance(event, Malformed)
    assert pdus(server.data_to_send()) == [(7, SubmitResp(msg_id=NO_MSG_ID, status=10))]


def test_more_than_a_hundred_unreadable_ones_end_it() -> None:
    session = open_client()
    events = session.receive(bytes.fromhex("0000000c 00000007 00000001") * 101, 2)
    assert events[-1] == Closed(why="more than 100 unreadable PDUs")


def test_unanswered_deliver_is_given_up() -> None:
    server = open_server()
    sequence_id = server.deliver(MO, 10)
    server.tick(70)
    server.receive(encode(ActiveTest(), 5), 100)
    server.tick(130)
    assert DeliverUnanswered(sequence_id=sequence_id, tries=3) in server.tick(190)


# --- tests and the end


def test_silence_is_tested_three_times_and_then_it_is_over() -> None:
    session = open_client()
    sent = []
    for now in (181, 241, 301):
        assert session.tick(now) == []
        sent += pdus(session.data_to_send())
    assert [type(pdu) for _, pdu in sent] == [ActiveTest] * 3
    assert session.tick(361) == [Closed(why="no answer to 3 ACTIVE_TEST")]


def test_a_test_is_answered_and_an_answer_ends_ours() -> None:
    session = open_client()
    assert session.receive(encode(ActiveTest(), 0), 2) == [PeerTested(sequence_id=0)]
    assert pdus(session.data_to_send()) == [(0, ActiveTestResp())]
    session.tick(182)
    ((sequence_id, _),) = pdus(session.data_to_send())
    assert session.receive(encode(ActiveTestResp(), sequence_id), 183) == []
    assert session.deadline == 183 + 180


def test_exit_of_the_peer_is_answered() -> None:
    session = open_client()
    assert session.receive(encode(Exit(), 3), 2) == [Closed(why="the peer sent EXIT", clean=True)]
    assert pdus(session.data_to_send()) == [(3, ExitResp())]


def test_exit_that_nobody_answers() -> None:
    session = open_client()
    session.terminate(5)
    assert session.tick(65) == [Closed(why="EXIT was not answered", clean=True)]


# --- whatever comes


def streams() -> st.SearchStrategy[bytes]:
    """A conversation with octets changed, left out and put in."""
    conversation: tuple[Pdu, ...] = (
        LoginResp(status=0),
        SubmitResp(msg_id=ID),
        MO,
        REPORT_DELIVER,
        ActiveTest(),
        ActiveTestResp(),
        SUBMIT,
        ExitResp(),
    )
    good = b"".join(encode(pdu, number) for number, pdu in enumerate(conversation))
    edits = st.lists(st.tuples(st.integers(0, len(good) - 1), st.binary(max_size=4), st.integers(0, 4)), max_size=12)

    def edited(changes: list[tuple[int, bytes, int]]) -> bytes:
        octets = good
        for at, put, gone in changes:
            octets = octets[:at] + put + octets[at + gone :]
        return octets

    return edits.map(edited)


@settings(max_examples=200)
@given(streams(), st.integers(1, 50), st.booleans())
def test_whatever_a_peer_sends_nothing_is_raised_and_every_submit_is_told(
    octets: bytes, step: int, logged_in: bool
) -> None:
    session = open_client() if logged_in else client()[0]
    server = open_server() if logged_in else ServerSession(LIMITS)
    sent = {session.submit(SUBMIT, 2) for _ in range(3)} if logged_in else set()
    told: set[int] = set()
    for start in range(0, len(octets), step):
        for event in session.receive(octets[start : start + step], 3):
            if isinstance(event, SubmitAnswered):
                told.add(event.sequence_id)
            elif isinstance(event, Closed):
                told |= set(event.unanswered)
        server.receive(octets[start : start + step], 3)
        session.data_to_send()
    for event in session.connection_lost("end"):
        if isinstance(event, Closed):
            told |= set(event.unanswered)
    assert told == sent
