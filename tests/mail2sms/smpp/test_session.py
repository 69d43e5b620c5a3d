"""Sessions of both sides, wired to each other and to octets that no session would send."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail2sms.smpp.codes import MAX_SEQUENCE, RESPONSE, Command, Status
from mail2sms.smpp.events import (
    BindAsked,
    Bound,
    Closed,
    DeliverAnswered,
    Delivered,
    DeliverUnanswered,
    Event,
    Forgave,
    LoginRefused,
    Malformed,
    PeerTested,
    Reported,
    SubmitAnswered,
    Submitted,
    SubmitUnanswered,
    WindowFree,
)
from mail2sms.smpp.frame import decode, encode
from mail2sms.smpp.link import limits
from mail2sms.smpp.pdu import (
    AlertNotification,
    BindReceiver,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from mail2sms.smpp.receipt import Fate
from mail2sms.smpp.session import ClientSession, Login, Mode, NotOpen, ServerSession, State, SubmitAnswer, WindowFull

E = TypeVar("E", bound=Event)
LOGIN = Login(system_id="caiyou", password="secret")
SUBMIT = SubmitSm(destination_addr="8613800138000", short_message=b"hi")
MO = DeliverSm(source_addr="8613800138000", destination_addr="10658", short_message=b"STOP")
RECEIPT = DeliverSm(esm_class=4, short_message=b"id:7 stat:DELIVRD err:000")


def _one(found: list[Any], kind: type[E]) -> E:
    of_kind = [event for event in found if isinstance(event, kind)]
    assert len(of_kind) == 1, found
    return of_kind[0]


def _sent(session: ClientSession | ServerSession) -> list[tuple[int, int, Pdu]]:
    """What a session wrote: (sequence_number, status, PDU)."""
    data = session.data_to_send()
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        found.append(decode(data[:size])[:3])
        data = data[size:]
    return found


def _client(mode: Mode = Mode.TRANSCEIVER, **limit: Any) -> ClientSession:
    """A client session that is logged in; nothing is on its way."""
    session = ClientSession(Login(system_id="caiyou", password="secret", mode=mode), limits(**limit))
    session.bind(0.0)
    ((sequence_id, _, bind),) = _sent(session)
    is_sender = isinstance(bind, BindTransmitter)
    response = BindTransmitterResp(system_id="smsc") if is_sender else BindTransceiverResp(system_id="smsc")
    session.receive(encode(response, sequence_id), 0.0)
    assert session.state is State.OPEN
    return session


def _pair(**limit: Any) -> tuple[ClientSession, ServerSession]:
    client, server = ClientSession(LOGIN, limits(**limit)), ServerSession(limits(**limit))
    client.bind(0.0)
    asked = _one(server.receive(client.data_to_send(), 0.0), BindAsked)
    assert asked.bind == BindTransceiver(system_id="caiyou", password="secret")
    assert server.admit("secret", 0.0) == 0
    bound = _one(client.receive(server.data_to_send(), 0.0), Bound)
    assert bound == Bound(system_id="smsc", version=0x34)
    return client, server


# --- logging in


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (Mode.TRANSCEIVER, BindTransceiver),
        (Mode.TRANSMITTER, BindTransmitter),
        (Mode.RECEIVER, BindReceiver),
    ],
)
def test_each_kind_of_bind(mode: Mode, kind: type[Pdu]) -> None:
    login = Login(system_id="caiyou", password="secret", mode=mode, system_type="CP", address_range="10658")
    client, server = ClientSession(login), ServerSession()
    client.bind(0.0)
    asked = _one(server.receive(client.data_to_send(), 0.0), BindAsked)
    assert type(asked.bind) is kind
    assert (asked.bind.system_type, asked.bind.address_range, asked.bind.interface_version) == ("CP", "10658", 0x34)
    assert server.admit("secret", 0.0) == 0
    _one(client.receive(server.data_to_send(), 0.0), Bound)
    assert client.state is server.state is State.OPEN
    assert "secret" not in repr(login)


@pytest.mark.parametrize("status", [Status.RBINDFAIL, Status.RINVPASWD, Status.RINVSYSID, Status.RALYBND])
def test_a_refused_bind(status: Status) -> None:
    client, server = ClientSession(LOGIN), ServerSession()
    client.bind(0.0)
    server.receive(client.data_to_send(), 0.0)
    server.refuse(status)
    assert server.is_closed
    assert server.mode is Mode.TRANSCEIVER
    found = client.receive(server.data_to_send(), 0.0)
    assert _one(found, LoginRefused) == LoginRefused(status=status, why=f"{status:02X}h ESME_{status.name}")
    assert not _one(found, Closed).clean
    assert client.free == 0


def test_a_wrong_password() -> None:
    client, server = ClientSession(LOGIN), ServerSession()
    client.bind(0.0)
    server.receive(client.data_to_send(), 0.0)
    assert server.admit("Secret", 0.0) == Status.RINVPASWD
    assert _one(client.receive(server.data_to_send(), 0.0), LoginRefused).status == Status.RINVPASWD


def test_a_refused_bind_of_a_vendors_own_kind_and_with_a_body() -> None:
    client = ClientSession(LOGIN)
    client.bind(0.0)
    octets = bytearray(encode(BindTransceiverResp(system_id="x"), 1))
    octets[8:12] = (0x401).to_bytes(4, "big")
    assert _one(client.receive(bytes(octets), 0.0), LoginRefused).why == "401h"


def test_a_bind_that_generic_nack_answers_is_refused() -> None:
    client = ClientSession(LOGIN)
    client.bind(0.0)
    found = client.receive(encode(GenericNack(), 0, Status.RINVCMDID), 0.0)
    assert _one(found, LoginRefused).status == Status.RINVCMDID


def test_a_bind_response_without_a_body_logs_in() -> None:
    client = ClientSession(LOGIN)
    client.bind(0.0)
    octets = encode(BindTransceiverResp(), 1)
    found = client.receive((16).to_bytes(4, "big") + octets[4:16], 0.0)
    assert _one(found, Bound) == Bound(system_id="", version=None)
    assert "without its body" in _one(found, Forgave).what


def test_no_answer_to_the_bind() -> None:
    client = ClientSession(LOGIN, limits(answer_s=5))
    client.bind(0.0)
    assert client.deadline == 5.0
    assert client.tick(4.9) == []
    assert _one(client.tick(5.0), Closed).why == "no login in time"


def test_an_impossible_login_is_not_sent() -> None:
    session = ClientSession(Login(system_id="x" * 16, password="secret"))
    with pytest.raises(ValueError, match="system_id"):
        session.bind(0.0)
    session = ClientSession(Login(system_id="x", password="彩邮"))
    with pytest.raises(ValueError, match="password") as caught:
        session.bind(0.0)
    assert "彩邮" not in str(caught.value)
    with pytest.raises(NotOpen):
        _client().bind(0.0)


def test_the_server_takes_nothing_before_the_bind() -> None:
    for pdu in (SUBMIT, EnquireLink(), Unbind(), BindTransceiverResp()):
        server = ServerSession()
        assert not _one(server.receive(encode(pdu, 1), 0.0), Closed).clean
    server = ServerSession(limits(answer_s=2))
    server.waits_for_login(0.0)
    assert server.tick(1.9) == []
    server.receive(encode(BindTransceiver(system_id="a"), 1), 1.0)
    with pytest.raises(NotOpen):
        ServerSession().admit("secret", 0.0)


def test_messages_before_the_binds_answer_wait_at_the_smsc() -> None:
    client = ClientSession(LOGIN)
    client.bind(0.0)
    client.data_to_send()
    found = client.receive(encode(MO, 5) + encode(EnquireLink(), 6), 0.0)
    assert "before" in _one(found, Forgave).what
    assert _sent(client) == [(6, 0, EnquireLinkResp())]


def test_a_second_bind_is_told_so() -> None:
    _, server = _pair()
    _one(server.receive(encode(BindTransceiver(system_id="x"), 9), 0.0), Forgave)
    assert _sent(server) == [(9, Status.RALYBND, BindTransceiverResp())]
    assert server.state is State.OPEN


# --- submit_sm


def test_submits_are_answered_in_any_order() -> None:
    client, server = _pair()
    first, second = client.submit(SUBMIT, 1.0), client.submit(SUBMIT, 1.0)
    for event in reversed(server.receive(client.data_to_send(), 1.0)):
        assert isinstance(event, Submitted)
        assert event.submit == SUBMIT
        server.respond(event.sequence_id, SubmitAnswer(f"id{event.sequence_id}"))
    assert client.receive(server.data_to_send(), 1.0) == [
        SubmitAnswered(sequence_id=second, message_id=f"id{second}", status=0),
        SubmitAnswered(sequence_id=first, message_id=f"id{first}", status=0),
    ]


def test_a_refused_submit() -> None:
    client, server = _pair()
    sequence_id = client.submit(SUBMIT, 1.0)
    server.receive(client.data_to_send(), 1.0)
    server.respond(sequence_id, SubmitAnswer(status=Status.RTHROTTLED))
    assert client.receive(server.data_to_send(), 1.0) == [
        SubmitAnswered(sequence_id=sequence_id, message_id="", status=Status.RTHROTTLED)
    ]


@pytest.mark.parametrize(("status", "seen"), [(Status.RINVCMDLEN, Status.RINVCMDLEN), (0, Status.RUNKNOWNERR)])
def test_generic_nack_answers_a_submit(status: int, seen: int) -> None:
    client = _client()
    sequence_id = client.submit(SUBMIT, 1.0)
    found = client.receive(encode(GenericNack(), sequence_id, status), 1.0)
    assert found == [SubmitAnswered(sequence_id=sequence_id, message_id="", status=seen, nacked=True)]
    assert client.free == 16
    assert "generic_nack" in _one(client.receive(encode(GenericNack(), 0, 2), 1.0), Forgave).what


def test_the_window() -> None:
    client = _client(window=2)
    first = client.submit(SUBMIT, 1.0)
    client.submit(SUBMIT, 1.0)
    assert client.free == 0
    with pytest.raises(WindowFull):
        client.submit(SUBMIT, 1.0)
    found = client.receive(encode(SubmitSmResp(message_id="7"), first), 1.0)
    assert _one(found, WindowFree).free == 1


def test_an_unanswered_submit_is_given_up_and_never_sent_twice() -> None:
    client = _client(answer_s=5, tries=3, idle_s=60)
    sequence_id = client.submit(SUBMIT, 1.0)
    client.data_to_send()
    assert client.deadline == 6.0
    assert client.tick(6.0) == [SubmitUnanswered(sequence_id=sequence_id, tries=1)]
    assert client.data_to_send() == b""
    late = client.receive(encode(SubmitSmResp(message_id="7"), sequence_id), 7.0)
    assert "to no open request" in _one(late, Forgave).what


def test_what_cannot_be_sent_takes_no_place() -> None:
    client = _client()
    for submit in (SubmitSm(), SubmitSm(destination_addr="1", short_message=bytes(255))):
        with pytest.raises(ValueError, match=r"destination_addr|short_message"):
            client.submit(submit, 1.0)
    assert client.free == 16
    assert client.data_to_send() == b""


def test_sequence_numbers_stay_lawful_and_free() -> None:
    client = _client(window=3)
    client._sequence_id = MAX_SEQUENCE - 1
    assert [client.submit(SUBMIT, 1.0) for _ in range(3)] == [MAX_SEQUENCE, 1, 2]
    client.receive(encode(SubmitSmResp(), 2), 1.0)
    client._sequence_id = MAX_SEQUENCE - 1
    assert client.submit(SUBMIT, 1.0) == 2  # MAX_SEQUENCE and 1 wait still


# --- deliver_sm, data_sm


@pytest.mark.parametrize(
    ("message", "answer"),
    [(MO, DeliverSmResp()), (DataSm(source_addr="1", message_payload=b"hi"), DataSmResp())],
)
def test_a_message_from_a_handset_is_answered_when_it_is_recorded(message: DeliverSm, answer: Pdu) -> None:
    client, server = _pair()
    sequence_id = server.deliver(message, 1.0)
    event = _one(client.receive(server.data_to_send(), 1.0), Delivered)
    assert event == Delivered(sequence_id=sequence_id, message=message)
    assert client.data_to_send() == b""
    client.acknowledge(event)
    data = client.data_to_send()
    assert decode(data)[:3] == (sequence_id, 0, answer)
    assert server.receive(data, 1.0) == [DeliverAnswered(sequence_id=sequence_id, status=0)]


def test_the_same_again_before_it_is_recorded() -> None:
    client = _client()
    octets = encode(MO, 5)
    event = _one(client.receive(octets, 1.0), Delivered)
    assert client.receive(octets, 2.0) == []
    client.acknowledge(event)
    assert len(_sent(client)) == 1
    # Peers that number every message alike exist: what was answered is over.
    assert _one(client.receive(octets, 3.0), Delivered).sequence_id == 5


def test_a_receipt() -> None:
    client, server = _pair()
    server.deliver(RECEIPT, 1.0)
    event = _one(client.receive(server.data_to_send(), 1.0), Reported)
    assert (event.receipt.text_id, event.receipt.fate) == ("7", Fate.DELIVERED)
    client.acknowledge(event, Status.RX_T_APPN)
    assert server.receive(client.data_to_send(), 1.0) == [DeliverAnswered(sequence_id=1, status=Status.RX_T_APPN)]


def test_a_receipt_that_says_nothing_is_taken_so_that_it_does_not_come_back() -> None:
    client = _client()
    messages: list[DeliverSm | DataSm] = [DeliverSm(esm_class=4, short_message=b"?"), DataSm(esm_class=4)]
    for number, message in enumerate(messages, 5):
        assert "names no message" in _one(client.receive(encode(message, number), 1.0), Malformed).why
        ((sequence_id, status, _),) = _sent(client)
        assert (sequence_id, status) == (number, 0)


def test_a_deliver_that_is_never_answered() -> None:
    _, server = _pair(answer_s=5)
    sequence_id = server.deliver(MO, 1.0)
    server.data_to_send()
    assert server.tick(6.0) == [DeliverUnanswered(sequence_id=sequence_id, tries=1)]
    assert server.data_to_send() == b""


def test_a_server_may_nack_a_submit() -> None:
    client, server = _pair()
    sequence_id = client.submit(SUBMIT, 1.0)
    server.respond(sequence_id, SubmitAnswer(status=Status.RSYSERR, nacked=True))
    assert _one(client.receive(server.data_to_send(), 1.0), SubmitAnswered).nacked


def test_deliver_answered_by_generic_nack() -> None:
    _, server = _pair()
    sequence_id = server.deliver(MO, 1.0)
    assert server.receive(encode(GenericNack(), sequence_id, 3), 1.0) == [
        DeliverAnswered(sequence_id=sequence_id, status=3)
    ]


def test_an_acknowledgement_after_the_end_is_nothing() -> None:
    client = _client()
    event = _one(client.receive(encode(MO, 5), 1.0), Delivered)
    client.connection_lost("cut")
    client.acknowledge(event)
    assert client.data_to_send() == b""


# --- tests, and other PDUs


def test_both_sides_test_the_link() -> None:
    client, server = _pair(idle_s=30, answer_s=5)
    assert client.deadline == 30.0
    assert client.tick(30.0) == []
    assert [type(event) for event in server.receive(client.data_to_send(), 30.0)] == [PeerTested]
    assert client.receive(server.data_to_send(), 30.5) == []
    assert client.deadline == 60.5
    server.tick(60.0)
    assert [type(event) for event in client.receive(server.data_to_send(), 60.0)] == [PeerTested]
    assert server.receive(client.data_to_send(), 60.0) == []


def test_a_link_without_answers_ends() -> None:
    client = _client(idle_s=10, answer_s=5, tries=2)
    waiting = client.submit(SUBMIT, 9.0)
    client.data_to_send()
    found: list[Event] = []
    for now in (10.0, 14.0, 15.0, 20.0):
        found += client.tick(now)
    assert _one(found, SubmitUnanswered).sequence_id == waiting
    assert _one(found, Closed).why == "no answer to 2 enquire_link"
    assert [type(pdu) for _, _, pdu in _sent(client)] == [EnquireLink, EnquireLink]


def test_a_test_answered_by_a_nack_is_answered() -> None:
    client = _client(idle_s=10, answer_s=5)
    client.tick(10.0)
    ((sequence_id, _, _),) = _sent(client)
    _one(client.receive(encode(GenericNack(), sequence_id, Status.RINVCMDID), 11.0), Forgave)
    assert client.deadline == 21.0


@pytest.mark.parametrize("pdu", [AlertNotification(source_addr="1"), Outbind(system_id="x")])
def test_what_has_no_answer(pdu: Pdu) -> None:
    client = _client()
    assert type(pdu).__name__.lower()[:5] in _one(client.receive(encode(pdu, 7), 1.0), Forgave).what
    assert client.data_to_send() == b""


@pytest.mark.parametrize("command", [Command.QUERY_SM, Command.SUBMIT_MULTI, Command.REPLACE_SM, 0x10200, 0x7FFFFFFF])
def test_an_unknown_request_gets_generic_nack(command: int) -> None:
    client = _client()
    octets = bytes.fromhex("00000014") + command.to_bytes(4, "big") + bytes(4) + b"\0\0\0\7" + b"body"
    assert _one(client.receive(octets, 1.0), Malformed).command == command
    assert _sent(client) == [(7, Status.RINVCMDID, GenericNack())]
    assert client.state is State.OPEN


def test_an_unknown_response_gets_nothing() -> None:
    client = _client()
    octets = bytes.fromhex("00000010 80000103 00000000 00000007".replace("0103", "0008"))
    assert _one(client.receive(octets, 1.0), Malformed).command == RESPONSE | 8
    assert client.data_to_send() == b""


@pytest.mark.parametrize("kind", [DeliverSm, DataSm])
def test_an_unreadable_message_is_refused_and_the_link_stays(kind: type[DeliverSm | DataSm]) -> None:
    client = _client()
    octets = encode(kind(source_addr="1"), 7)[:-6]
    octets = len(octets).to_bytes(4, "big") + octets[4:]
    _one(client.receive(octets, 1.0), Malformed)
    ((sequence_id, status, answer),) = _sent(client)
    assert (sequence_id, status) == (7, Status.RINVPARLEN)
    assert answer.COMMAND == RESPONSE | kind.COMMAND
    assert client.state is State.OPEN


def test_an_unreadable_submit_is_refused() -> None:
    _, server = _pair()
    octets = encode(SUBMIT, 7)[:-2]
    _one(server.receive(len(octets).to_bytes(4, "big") + octets[4:], 1.0), Malformed)
    assert _sent(server) == [(7, Status.RINVPARLEN, SubmitSmResp())]


def test_a_peer_that_sends_nothing_readable_is_left() -> None:
    client = _client()
    junk = bytes.fromhex("00000010 00010200 00000000 00000001")
    for _ in range(100):
        assert not any(isinstance(event, Closed) for event in client.receive(junk, 1.0))
    assert "unreadable" in _one(client.receive(junk, 1.0), Closed).why


@pytest.mark.parametrize("length", [0, 15, 70_001, 0x7FFFFFFF, 0xFFFFFFFF])
def test_an_impossible_length_ends_the_connection(length: int) -> None:
    client = _client()
    waiting = client.submit(SUBMIT, 1.0)
    closed = _one(client.receive(length.to_bytes(4, "big"), 1.0), Closed)
    assert closed.why.startswith("not SMPP")
    assert closed.unanswered == (waiting,)


def test_the_longest_message() -> None:
    client = _client()
    message = DeliverSm(source_addr="1", message_payload=bytes(65535), short_message=b"")
    assert _one(client.receive(encode(message, 5), 1.0), Delivered).message == message


# --- the end


def test_unbind_by_us_waits_for_answers() -> None:
    client, server = _pair()
    sequence_id = client.submit(SUBMIT, 1.0)
    client.terminate(1.0)
    with pytest.raises(NotOpen):
        client.submit(SUBMIT, 1.0)
    server.receive(client.data_to_send()[:-16], 1.0)
    server.respond(sequence_id, SubmitAnswer("7"))
    _one(client.receive(server.data_to_send(), 1.0), SubmitAnswered)
    assert client.state is State.ENDING
    assert _one(client.receive(encode(UnbindResp(), 3), 1.0), Closed).clean


def test_unbind_by_the_peer() -> None:
    client, server = _pair()
    waiting = client.submit(SUBMIT, 1.0)
    client.data_to_send()
    server.terminate(1.0)
    closed = _one(client.receive(server.data_to_send(), 1.0), Closed)
    assert (closed.clean, closed.unanswered) == (True, (waiting,))
    assert _one(server.receive(client.data_to_send(), 1.0), Closed).clean


@pytest.mark.parametrize("status", [0, Status.RINVCMDID])
def test_unbind_answered_by_generic_nack_or_by_nothing(status: int) -> None:
    client = _client(answer_s=5)
    client.terminate(1.0)
    ((sequence_id, _, _),) = _sent(client)
    if status:
        assert _one(client.receive(encode(GenericNack(), sequence_id, status), 1.0), Closed).clean
    else:
        assert _one(client.tick(6.0), Closed).why == "unbind was not answered"


# --- however the octets come


def _conversation() -> bytes:
    return b"".join(
        [
            encode(BindTransceiverResp(system_id="smsc", sc_interface_version=0x34), 1),
            encode(EnquireLink(), 1),
            encode(MO, 2),
            encode(RECEIPT, 3),
            encode(DataSm(esm_class=4, receipted_message_id="7", message_state=2), 4),
            encode(AlertNotification(source_addr="1"), 5),
            encode(SubmitSmResp(message_id="7"), 99),
            encode(GenericNack(), 0, 3),
        ]
    )


@given(st.lists(st.integers(1, 400), max_size=60))
def test_cut_anywhere(cuts: list[int]) -> None:
    def run(pieces: list[bytes]) -> tuple[list[Event], bytes]:
        client = ClientSession(LOGIN)
        client.bind(0.0)
        found = [event for piece in pieces for event in client.receive(piece, 0.0)]
        return found, client.data_to_send()

    data = _conversation()
    places = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    pieces = [data[a:b] for a, b in pairwise(places)]
    assert run(pieces) == run([data]) == run([data[i : i + 1] for i in range(len(data))])


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=20),
    st.booleans(),
    st.binary(max_size=40),
)
def test_damaged_octets(damage: list[tuple[int, int]], is_server: bool, tail: bytes) -> None:
    data = bytearray(
        (encode(BindTransceiver(system_id="a"), 1) + encode(SUBMIT, 2) + encode(Unbind(), 3))
        if is_server
        else _conversation()
    )
    for place, octet in damage:
        data[place % len(data)] = octet
    session: ClientSession | ServerSession
    if is_server:
        session = ServerSession()
    else:
        session = ClientSession(LOGIN)
        session.bind(0.0)
        session.data_to_send()
    found = session.receive(bytes(data) + tail, 1.0)
    if is_server and session.state is State.ASKED:
        session.admit("", 1.0)  # type: ignore[union-attr]
    found += session.tick(1e9) + session.receive(tail, 2.0) + session.connection_lost("over")
    assert sum(isinstance(event, Closed) for event in found) == 1
    _sent(session)  # what it answered is lawful
