"""The AT dialogue against scripted modems: every state, every oddity, whatever octets come."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail2sms.at import codes
from mail2sms.at.events import (
    Closed,
    Delivered,
    Direct,
    Forgave,
    NotReady,
    PinAnswered,
    PinNeeded,
    Ready,
    Reported,
    Seen,
    SendEnd,
    SendEnded,
    Stored,
    Unreadable,
)
from mail2sms.at.facts import Config
from mail2sms.at.session import State
from mail2sms.pdu import tpdu
from mail2sms.pdu.address import written
from mail2sms.pdu.layout import UserData
from mail2sms.pdu.tpdu import Deliver, StatusReport, Submit
from tests.mail2sms.at.scripted import Scripted

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SUBMIT = tpdu.encode(Submit(da=written("+8613800138000"), ud=UserData(body=b"hi")))
DELIVER = tpdu.encode(Deliver(oa=written("+8613800138000"), scts=AT, ud=UserData(body=b"hello")))
SECOND = tpdu.encode(Deliver(oa=written("+8613800138000"), scts=AT, ud=UserData(body=b"second")))
REPORT = tpdu.encode(StatusReport(mr=7, ra=written("+8613800138000"), scts=AT, discharge=AT, st=0))
SEND = f"AT+CMGS={len(SUBMIT)}"


def listed(octets: bytes, index: int = 1) -> str:
    return f"+CMGL: {index},0,,{len(octets)}\r\n{tpdu.to_hex(octets)}"


def ready(config: Config | None = None, answers: dict[str, str] | None = None) -> Scripted:
    modem = Scripted(config, answers).start()
    modem.wait(1.0)
    assert modem.session.state is State.READY, modem.events
    return modem


def sends(modem: Scripted, *answers: str) -> None:
    """Submit with the modem answering the command, then the PDU, so."""
    script = iter(answers)
    modem.on = lambda command: next(script, "") if command.startswith(("AT+CMGS", "00")) else None
    modem.did(modem.session.submit(SUBMIT, modem.now))


def test_from_nothing_to_ready_and_what_is_seen() -> None:
    modem = ready()
    assert modem.all(Ready)
    notes = {name: value for event in modem.all(Seen) for name, value in event.notes.items()}
    assert notes == {
        "model": "Simulated",
        "sim": "ready",
        "registration": "home",
        "signal": "-73 dBm",
        "operator": "CHINA MOBILE",
        "memory": "SM 0 of 20",
    }
    assert not [asked for asked in modem.asked if asked.startswith(("AT+CIMI", "AT+CGSN"))]
    assert modem.asked[:3] == ["\x1b", "AT", "ATE0"]


def test_send() -> None:
    modem = ready()
    sends(modem, "> ", "+CMGS: 300\r\n\r\nOK")
    assert modem.take(SendEnded) == [SendEnded(end=SendEnd.SENT, mr=300 & 255)]
    assert modem.asked[-2:] == [SEND, tpdu.to_hex(SUBMIT) + "\x1a"]
    assert modem.session.free


def test_service_centre_stands_before_the_pdu_and_is_not_counted() -> None:
    modem = ready(Config(centre=written("+8613800100500")))
    modem.on = lambda command: "> " if command == SEND else "+CMGS: 1\r\nOK" if command.endswith("\x1a") else None
    modem.did(modem.session.submit(SUBMIT, modem.now))
    assert modem.asked[-2:] == [SEND, "0891683108100005F0" + SUBMIT.hex().upper() + "\x1a"]
    assert modem.all(SendEnded)[0].end is SendEnd.SENT


@pytest.mark.parametrize(
    "between",
    ["RING", "^RSSI: 12", "+CREG: 1", '+CUSD: 0,"x",15', '+CLIP: "+86138",145', "*EMRDY: 1", "NO CARRIER", SEND],
)
def test_unsolicited_lines_anywhere(between: str) -> None:
    modem = ready()
    sends(modem, f"{between}\r\n> ", f"{between}\r\n+CMGS: 5\r\n{between}\r\nOK")
    assert modem.take(SendEnded) == [SendEnded(end=SendEnd.SENT, mr=5)]


def test_echo_of_everything_in_pieces() -> None:
    modem = ready()
    modem.on = lambda command: "" if command.startswith(("AT+CMGS", "00")) else None
    modem.did(modem.session.submit(SUBMIT, modem.now))
    echo = f"{SEND}\r\r\n> {tpdu.to_hex(SUBMIT)}\x1a\r\n\r\n+CMGS: 9\r\n\r\nOK\r\n"
    for octet in echo.encode():
        modem.hear(bytes((octet,)))
    assert modem.take(SendEnded) == [SendEnded(end=SendEnd.SENT, mr=9)]


def test_message_and_report_in_the_middle_of_a_send() -> None:
    modem = ready()
    cmt = f"+CMT: ,{len(DELIVER)}\r\n{tpdu.to_hex(DELIVER)}"
    cds = f"+CDS: {len(REPORT)}\r\n{tpdu.to_hex(REPORT)}"
    sends(modem, f"{cmt}\r\n> ", f"{cds}\r\n+CMGS: 7\r\n\r\nOK")
    assert [event.mr for event in modem.all(SendEnded)] == [7]
    (message,) = modem.all(Delivered)
    (report,) = modem.all(Reported)
    assert (message.tpdu, message.place) == (DELIVER, Direct(wants_answer=True))
    assert report.report.mr == 7
    modem.on = lambda _command: None
    modem.did(modem.session.acknowledge(message, modem.now))
    assert modem.asked[-1] == "AT+CNMA=0"


@pytest.mark.parametrize("code", [*codes.FOR_GOOD])
def test_errors_for_good(code: int) -> None:
    modem = ready()
    sends(modem, "> ", f"+CMS ERROR: {code}")
    assert modem.take(SendEnded) == [SendEnded(end=SendEnd.REFUSED, result=f"CMS {code} {codes.FOR_GOOD[code]}")]


@pytest.mark.parametrize(
    "error", [f"+CMS ERROR: {code}" for code in (*codes.FOR_NOW, 500, 513, 9999)] + ["ERROR", "COMMAND NOT SUPPORT"]
)
def test_errors_for_now(error: str) -> None:
    modem = ready()
    sends(modem, "> ", error)
    assert [event.end for event in modem.take(SendEnded)] == [SendEnd.FAILED]
    assert modem.session.free


@pytest.mark.parametrize("code", codes.LINK_DOWN)
def test_errors_that_say_that_the_link_is_down(code: int) -> None:
    modem = ready()
    sends(modem, f"+CMS ERROR: {code}")
    assert [event.end for event in modem.all(SendEnded)] == [SendEnd.FAILED]
    assert modem.all(NotReady)
    modem.on = lambda _command: None
    modem.wait(6.0)
    assert modem.session.free


def test_tables_of_errors_do_not_overlap() -> None:
    assert len(codes.CMS_NAMES) == len(codes.FOR_GOOD) + len(codes.FOR_NOW) + len(codes.LINK_DOWN)
    assert {1, 8, 10, 21, 28, 50} <= set(codes.FOR_GOOD)
    assert {38, 41, 42, 47, 500} <= set(codes.FOR_NOW)
    assert {331, 332} <= set(codes.LINK_DOWN)


def test_no_prompt_is_escaped_and_unsent() -> None:
    modem = ready()
    sends(modem, "")
    modem.wait(9.9)
    assert not modem.all(SendEnded)
    modem.wait(3.0)
    assert modem.all(SendEnded) == [SendEnded(end=SendEnd.UNSENT, result="no prompt")]
    assert not [asked for asked in modem.asked if asked.endswith("\x1a")]
    modem.on = lambda _command: None
    modem.wait(5.0)
    assert modem.session.free


def test_three_sends_without_a_prompt_close_the_line() -> None:
    modem = ready()
    for _ in range(3):
        sends(modem, "")
        modem.wait(13.0)
        modem.on = lambda _command: None
        modem.wait(5.0)
    assert modem.all(Closed)[0].why == "the modem does not answer AT+CMGS"


def test_late_prompt_is_left_and_nothing_goes_into_it() -> None:
    modem = ready()
    sends(modem, "")
    modem.wait(10.5)
    modem.hear("\r\n> ")
    assert modem.asked[-1] == "\x1b"
    modem.hear("\r\nOK\r\n")
    assert modem.all(SendEnded)[0].end is SendEnd.UNSENT


def test_ok_instead_of_a_prompt_is_unsent() -> None:
    modem = ready()
    sends(modem, "OK")
    modem.wait(3.0)
    assert modem.all(SendEnded)[0].end is SendEnd.UNSENT


@pytest.mark.parametrize(
    "answer, end",
    [
        ("", SendEnd.UNANSWERED),
        ("OK", SendEnd.UNANSWERED),  # perhaps a late one to something else
        ("+CMGS: 3", SendEnd.SENT),  # the OK is missing, the reference is not
    ],
)
def test_half_an_answer(answer: str, end: SendEnd) -> None:
    modem = ready()
    sends(modem, "> ", answer)
    modem.wait(91.0)
    assert [event.end for event in modem.all(SendEnded)] == [end]


def test_line_lost_before_and_behind_the_pdu() -> None:
    modem = ready()
    sends(modem, "")
    assert SendEnded(end=SendEnd.UNSENT, result="unplugged") in modem.session.close("unplugged")
    modem = ready()
    sends(modem, "> ", "")
    assert SendEnded(end=SendEnd.UNANSWERED, result="unplugged") in modem.session.close("unplugged")


def test_phonesim_as_shipped() -> None:
    refuses = {"AT": "!ERROR", "AT+CSMS=1": "!ERROR", "AT+CMMS=2": "!ERROR", "AT+CMEE=1": "!ERROR"}
    modem = ready(answers=refuses | {"AT+CMGL=4": "!+CMS ERROR: 321"})
    sends(modem, "> ", "+CMGS: 1\r\nOK")
    assert modem.all(SendEnded)[0].end is SendEnd.SENT


def test_error_to_every_optional_command() -> None:
    modem = Scripted()
    modem.on = lambda command: None if command.startswith("AT+CMGS") else "ERROR"
    modem.answers |= {"AT+CMGF?": "+CMGF: 0"}
    modem.on = lambda command: None if command.startswith(("AT+CMGS", "AT+CMGF?", "00")) else "ERROR"
    modem.start()
    modem.wait(1.0)
    assert modem.session.free
    sends(modem, "> ", "+CMGS: 1\r\nOK")
    assert modem.all(SendEnded)[0].end is SendEnd.SENT


def test_silence_to_an_optional_command_is_survived() -> None:
    modem = Scripted(answers={"AT+CGMM": "", "AT+COPS=3,0": ""}).start()
    modem.wait(120.0)
    assert modem.session.free


def test_no_pdu_mode() -> None:
    modem = Scripted(answers={"AT+CMGF=0": "!ERROR", "AT+CMGF?": "+CMGF: 1"}).start()
    modem.wait(1.0)
    assert modem.all(Closed) == [Closed(why="the modem has no PDU mode")]


def test_dead_modem() -> None:
    modem = Scripted()
    modem.on = lambda _command: ""
    modem.start()
    modem.wait(60.0)
    assert modem.all(Closed) == [Closed(why="the modem does not answer AT")]


def test_numeric_results_are_switched_off() -> None:
    modem = Scripted()
    modem.on = lambda command: "0" if command == "AT" else None
    modem.start()
    modem.wait(10.0)
    assert modem.session.free
    assert "ATE0V1" in modem.asked


def test_pin() -> None:
    modem = Scripted(answers={"AT+CPIN?": "+CPIN: SIM PIN"}).start()
    modem.wait(1.0)
    assert modem.take(PinNeeded)
    modem.wait(3600.0)
    assert modem.session.deadline is None  # nothing happens until somebody answers
    modem.did(modem.session.enter_pin("12", modem.now))
    assert 'AT+CPIN="12"' not in modem.asked
    modem.answers |= {"AT+CPIN?": "+CPIN: READY"}
    modem.did(modem.session.enter_pin("1234", modem.now))
    modem.wait(1.0)
    assert modem.all(PinAnswered) == [PinAnswered(ok=True)]
    assert modem.session.free
    assert modem.asked.count('AT+CPIN="1234"') == 1


def test_wrong_pin_closes_and_is_not_repeated() -> None:
    modem = Scripted(answers={"AT+CPIN?": "+CPIN: SIM PIN", 'AT+CPIN="1234"': "!+CME ERROR: 16"}).start()
    modem.wait(1.0)
    modem.did(modem.session.enter_pin("1234", modem.now))
    modem.wait(600.0)
    (closed,) = modem.all(Closed)
    assert (closed.refused, closed.why) == (True, "the SIM refuses its PIN (CME 16 incorrect password)")
    assert modem.asked.count('AT+CPIN="1234"') == 1
    assert "1234" not in str(modem.events)


def test_pin_without_an_answer_is_not_repeated() -> None:
    modem = Scripted(answers={"AT+CPIN?": "+CPIN: SIM PIN", 'AT+CPIN="1234"': ""}).start()
    modem.wait(1.0)
    modem.did(modem.session.enter_pin("1234", modem.now))
    modem.wait(600.0)
    assert modem.all(PinAnswered) == [PinAnswered(ok=None, why="no answer to the PIN")]
    assert modem.asked.count('AT+CPIN="1234"') == 1


@pytest.mark.parametrize("said", ["+CPIN: SIM PUK", "!+CME ERROR: 12"])
def test_puk(said: str) -> None:
    modem = Scripted(answers={"AT+CPIN?": said}).start()
    modem.wait(1.0)
    (closed,) = modem.all(Closed)
    assert closed.refused
    assert "PUK" in closed.why


def test_sim_that_comes_late_and_goes() -> None:
    modem = Scripted(answers={"AT+CPIN?": "!+CME ERROR: 10"}).start()
    modem.wait(1.0)
    assert modem.take(NotReady) == [NotReady(why="SIM: sim not inserted")]
    modem.answers |= {"AT+CPIN?": "+CPIN: READY"}
    modem.wait(20.0)
    assert modem.take(Ready)
    modem.answers |= {"AT+CPIN?": "!+CME ERROR: 10"}
    modem.wait(31.0)
    assert modem.take(NotReady) == [NotReady(why="SIM: sim not inserted")]
    assert not modem.session.free


@pytest.mark.parametrize("state", range(11))
def test_registration(state: int) -> None:
    modem = Scripted(answers={"AT+CREG?": f"+CREG: 0,{state}"}).start()
    modem.answers |= {"AT+CEREG?": "!ERROR", "AT+CGREG?": "!ERROR"}
    modem.wait(1.0)
    assert modem.session.free == (state in codes.REGISTERED)
    if not modem.session.free:
        assert modem.all(NotReady) == [NotReady(why=f"network: {codes.REGISTRATION[state]}")]
        modem.answers |= {"AT+CREG?": '+CREG: 2,5,"1A2B","00C3D4E5",7'}
        modem.wait(5.0)
        assert modem.session.free


def test_lte_only() -> None:
    modem = Scripted(answers={"AT+CREG?": "+CREG: 0,0", "AT+CEREG?": "+CEREG: 0,5"}).start()
    modem.wait(1.0)
    assert modem.session.free


@pytest.mark.parametrize(
    "rssi, says",
    [
        ("0", "-113 dBm"),
        ("31", "-51 dBm"),
        ("99", "unknown"),
        ("199", "unknown"),
        ("101", "-115 dBm"),
        ("x", "unknown"),
    ],
)
def test_signal(rssi: str, says: str) -> None:
    modem = ready(answers={"AT+CSQ": f"+CSQ: {rssi},99"})
    assert any(event.notes.get("signal") == says for event in modem.all(Seen))


def test_announced_message_is_read_and_deleted_once_it_is_recorded() -> None:
    modem = ready(answers={"AT+CMGR=3": f'+CMGR: 0,"",{len(DELIVER)}\r\n{tpdu.to_hex(DELIVER)}'})
    modem.hear('\r\n+CMTI: "SM",3\r\n')
    (message,) = modem.take(Delivered)
    assert message.place == Stored(memory="SM", index=3)
    assert not [asked for asked in modem.asked if asked.startswith("AT+CMGD")]
    modem.hear('\r\n+CMTI: "SM",3\r\n')  # told again: it is not told twice
    assert not modem.take(Delivered)
    modem.did(modem.session.acknowledge(message, modem.now))
    assert modem.asked[-1] == "AT+CMGD=3"


def test_another_message_at_the_index_is_not_deleted() -> None:
    modem = ready(answers={"AT+CMGR=3": f"+CMGR: 0,,{len(DELIVER)}\r\n{tpdu.to_hex(DELIVER)}"})
    modem.hear('\r\n+CMTI: "SM",3\r\n')
    (message,) = modem.take(Delivered)
    modem.answers |= {"AT+CMGR=3": f"+CMGR: 0,,{len(REPORT)}\r\n{tpdu.to_hex(REPORT)}"}
    modem.did(modem.session.acknowledge(message, modem.now))
    assert not [asked for asked in modem.asked if asked.startswith("AT+CMGD")]


def test_message_that_is_read_in_two_forms_is_deleted_and_a_new_one_at_its_index_is_not() -> None:
    modem = ready(answers={"AT+CMGL=4": listed(DELIVER)})
    (first,) = modem.take(Delivered)
    modem.answers |= {"AT+CMGL=4": listed(SECOND), "AT+CMGR=1": f"+CMGR: 1,,{len(SECOND)}\r\n{tpdu.to_hex(SECOND)}"}
    modem.wait(31.0)  # somebody else deleted the first
    (second,) = modem.take(Delivered)
    modem.did(modem.session.acknowledge(first, modem.now))
    assert "AT+CMGD=1" not in modem.asked
    with_centre = tpdu.to_hex(SECOND, written("+8613800100500")).lower()
    modem.answers |= {"AT+CMGR=1": f"+CMGR: 1,,{len(SECOND)}\r\n{with_centre}"}
    modem.did(modem.session.acknowledge(second, modem.now))
    assert modem.asked[-1] == "AT+CMGD=1"


def test_message_in_another_memory() -> None:
    modem = ready(answers={"AT+CMGR=9": f"+CMGR: 0,,{len(REPORT)}\r\n{tpdu.to_hex(REPORT)}"})
    modem.hear('\r\n+CDSI: "SR",9\r\n')
    assert modem.asked[-2:] == ['AT+CPMS="SR"', "AT+CMGR=9"]
    assert modem.take(Reported)


def test_polling_finds_what_nobody_announced_and_leaves_our_own() -> None:
    own = f"+CMGL: 7,3,,{len(SUBMIT)}\r\n{tpdu.to_hex(SUBMIT)}"
    modem = ready(answers={"AT+CMGL=4": f"{listed(DELIVER)}\r\n{own}\r\n{listed(REPORT, 4)}"})
    assert [event.place for event in modem.all(Delivered)] == [Stored(memory="SM", index=1)]
    assert [event.place for event in modem.all(Reported)] == [Stored(memory="SM", index=4)]
    modem.events.clear()
    modem.wait(31.0)
    assert not modem.take(Delivered)  # not recorded yet, and not told twice


def test_message_that_is_cut_on_the_line_is_read_again() -> None:
    text = tpdu.to_hex(DELIVER)
    modem = ready(answers={"AT+CMGL=4": f"+CMGL: 1,0,,{len(DELIVER)}\r\n{text[:-2]}"})
    assert not modem.all(Delivered) + modem.all(Unreadable)
    modem.answers |= {"AT+CMGL=4": listed(DELIVER)}
    modem.wait(31.0)
    assert len(modem.all(Delivered)) == 1


def test_message_that_is_broken_for_good_is_told_as_it_is() -> None:
    text = tpdu.to_hex(DELIVER)[:-2]
    modem = ready(answers={"AT+CMGL=4": f"+CMGL: 1,0,,{len(DELIVER)}\r\n{text}"})
    modem.wait(100.0)
    (broken,) = modem.all(Unreadable)
    assert (broken.text, broken.place) == (text, Stored(memory="SM", index=1))


def test_fall_backs_of_indications() -> None:
    modem = Scripted()
    modem.on = lambda command: "ERROR" if command.startswith("AT+CNMI") and command != "AT+CNMI=2,1" else None
    modem.start()
    modem.wait(1.0)
    tried = [asked for asked in modem.asked if asked.startswith("AT+CNMI")]
    assert tried[0] == "AT+CNMI=2,1,0,1,0"
    assert tried[-1] == "AT+CNMI=2,1"
    modem = Scripted()
    modem.on = lambda command: "+CMS ERROR: 303" if command.startswith("AT+CNMI") else None
    modem.start()
    modem.wait(100.0)
    assert modem.session.free
    assert [event.what for event in modem.all(Forgave)] == ["no +CNMI: messages are polled"]


def test_refused_confirmation_renews_indications() -> None:
    modem = ready(answers={"AT+CNMA=0": "!ERROR", "AT+CNMA": "!+CMS ERROR: 340"})
    modem.hear(f"\r\n+CMT: ,{len(DELIVER)}\r\n{tpdu.to_hex(DELIVER)}\r\n")
    (message,) = modem.take(Delivered)
    count = modem.asked.count("AT+CNMI=2,1,0,1,0")
    modem.did(modem.session.acknowledge(message, modem.now))
    modem.wait(31.0)
    assert modem.asked.count("AT+CNMI=2,1,0,1,0") == count + 1


def test_more_commands_and_memory_at_the_start() -> None:
    modem = ready(Config(extra=("AT^CURC=0", "AT+BAD"), memory="ME"), answers={"AT+BAD": "!ERROR"})
    assert "AT^CURC=0" in modem.asked
    assert 'AT+CPMS="ME","ME","ME"' in modem.asked
    assert [event.what for event in modem.all(Forgave)] == ["AT+BAD: ERROR"]


def test_modem_that_knows_one_memory_only() -> None:
    modem = ready(answers={"AT+CPMS?": "!ERROR", "AT+CMGL=4": listed(DELIVER)})
    assert [event.place for event in modem.all(Delivered)] == [Stored(memory="", index=1)]
    modem.hear('\r\n+CMTI: "ME",1\r\n')
    assert not [asked for asked in modem.asked if asked.startswith("AT+CPMS=")]


def test_hang_while_looking_around_is_left_and_it_sends_again() -> None:
    modem = ready()
    modem.on = lambda command: "" if command == "AT+CSQ" else None
    modem.wait(45.0)
    modem.on = lambda _command: None
    modem.wait(20.0)
    assert modem.session.free
    sends(modem, "> ", "+CMGS: 1\r\nOK")
    assert modem.all(SendEnded)[-1].end is SendEnd.SENT


def test_late_result_of_a_hung_command_is_not_taken_for_another() -> None:
    modem = ready()
    sends(modem, "> ", "")
    modem.wait(90.1)
    modem.hear("\r\n+CMGS: 4\r\n\r\nOK\r\n")  # while it is quiet before the next AT
    modem.on = lambda _command: None
    modem.wait(5.0)
    assert modem.session.free
    sends(modem, "> ", "+CMGS: 5\r\nOK")
    assert [event.mr for event in modem.all(SendEnded)] == [None, 5]


# --- whatever comes

LINES = st.sampled_from(
    [
        *(
            "OK",
            "ERROR",
            "> ",
            ">",
            "+CMS ERROR: 500",
            "+CME ERROR: 10",
            "+CMGS: 5",
            "+CMGS:",
            "RING",
            "^RSSI: 3",
            "",
            "\x00\xff",
        ),
        *('+CMTI: "SM",1', '+CMTI: "SM",99999999', "+CMTI:", "+CMT: ,25", "+CDS: 25", "+CMGL: 1,0,,24", "+CMGR: 0,,24"),
        *(
            "+CPIN: SIM PIN",
            "+CREG: 0,1",
            "+CREG: 9,9,9",
            "+CPMS: " + '"SM",1,2',
            "AT",
            "07",
            "zz",
            tpdu.to_hex(DELIVER),
        ),
    ]
)
NOISE = st.lists(LINES.map(lambda line: line.encode("latin-1") + b"\r\n") | st.binary(max_size=30), max_size=25)


def comes_back(modem: Scripted) -> None:
    """With a modem that behaves again it is ready, or has said that it must be opened anew."""
    modem.on = lambda _command: None
    if modem.all(PinNeeded) and modem.session.deadline is None and modem.session.state is not State.CLOSED:
        return  # noise that says SIM PIN: the link answers that
    for _ in range(360):
        modem.wait(10.0)
        if modem.session.free or modem.session.state is State.CLOSED:
            return
    raise AssertionError(modem.session.state)


@settings(max_examples=250, deadline=None)
@given(NOISE)
def test_any_octets_while_ready(noise: list[bytes]) -> None:
    modem = ready()
    for octets in noise:
        modem.hear(octets)
        modem.wait(0.2)
    comes_back(modem)


@settings(max_examples=250, deadline=None)
@given(NOISE, NOISE)
def test_any_octets_from_the_start_and_while_sending(first: list[bytes], second: list[bytes]) -> None:
    modem = Scripted()
    modem.on = lambda _command: ""
    modem.start()
    for octets in first:
        modem.hear(octets)
        modem.wait(0.5)
    comes_back(modem)
    if modem.session.free:
        modem.on = lambda _command: ""
        modem.did(modem.session.submit(SUBMIT, modem.now))
        for octets in second:
            modem.hear(octets)
            modem.wait(0.5)
        comes_back(modem)
        assert len(modem.all(SendEnded)) == 1


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["", "ERROR", "OK", "+CMS ERROR: 500", "+CME ERROR: 14", "> ", "RING\r\nOK"]),
        min_size=1,
        max_size=60,
    )
)
def test_any_answers(answers: list[str]) -> None:
    modem = Scripted()
    script = iter(answers)
    modem.on = lambda _command: next(script, None)
    modem.start()
    modem.wait(600.0)
    comes_back(modem)


def test_endless_line_and_endless_lines() -> None:
    modem = ready()
    modem.hear(b"x" * 1_000_000)
    modem.hear(b"\r\n")
    sends(modem, "> ", "+CMGS: 1\r\nOK")
    assert modem.take(SendEnded)[0].end is SendEnd.SENT
    modem.hear("".join([f'+CMTI: "SM",{n}\r\n' for n in range(3000)]))
    modem.on = lambda _command: None
    modem.wait(60.0)
    assert modem.session.free
