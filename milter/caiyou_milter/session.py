"""One SMTP connection: its state and what is decided on it. Plain Python; ``filter`` speaks libmilter for it.

Commands come in the order connect, then for each mail: mail, rcpt (several), header (several), body (several), end;
reset may come at any time. A recipient that is refused counts and is logged at once, a message at ``end``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from caiyou import log, queues
from caiyou.directory.model import Domain, Resolution, Subscriber
from caiyou.errors import Reply
from caiyou.events import Event, Kind
from caiyou_milter import replies
from caiyou_milter.checks import ADDRESS_RULES, MAILBOX_RULES, blacklist, virus
from caiyou_milter.clamd import Scan, Scanner
from caiyou_milter.envelope import Envelope, Recipient
from caiyou_milter.message import Message
from caiyou_milter.services import Services
from caiyou_milter.triggers import notification

logger = logging.getLogger("caiyou.milter")

CLEAN, UNSCANNED = "clean", "unscanned"  # the words of Kind.MAIL_ACCEPTED
SCAN_HEADER = "X-Caiyou-Scan"
MAX_RECORDED = 50  # recipients listed in an event; their number is always there


class Action(Enum):
    """What becomes of a message."""

    ACCEPT = auto()
    REFUSE = auto()  # with a reply, 4yz or 5yz
    DISCARD = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer at the end of a message: headers to remove (name, how often it stands there) and to add."""

    action: Action
    reply: Reply | None = None
    remove: dict[str, int] = field(default_factory=dict)
    add: dict[str, str] = field(default_factory=dict)


class Session:
    """Raises DirectoryDown, or anything a bug raises: the caller answers 451 to both."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._scanner = Scanner(services.settings)
        self._client_ip = ""
        self._submission = False
        self._envelope = Envelope(mail_from="")
        self._listed: str | None = None
        self._message: Message | None = None

    def connect(self, client_ip: str, daemon_name: str) -> None:
        """A client; ``daemon_name`` is Postfix's, empty ``client_ip`` for one that has none."""
        self._client_ip = client_ip
        self._submission = daemon_name == self._services.settings.submission_name

    def mail(self, mail_from: str, size_bytes: int, login: str) -> None:
        """MAIL FROM: look the sender up in the blacklist, or in the directory when he has logged in."""
        self.reset()
        self._envelope = Envelope(
            mail_from=mail_from,
            size_bytes=size_bytes,
            client_ip=self._client_ip,
            submission=self._submission,
            login=login if self._submission else "",
        )
        self._listed = blacklist.check(self._envelope, self._services.blacklist)
        if self._envelope.login:
            self._envelope.sender = self._services.facts.subscriber(login)

    def rcpt(self, address: str) -> Reply | None:
        """RCPT TO: the reply that refuses this recipient, or None."""
        if self._listed:
            self._envelope.recipients.append(Recipient(address=address))
            return None
        resolution = self._services.facts.resolve(address)
        domain = resolution.domain
        if domain is None and not resolution.known:  # not even an address, perhaps in a domain of ours
            domain = self._services.facts.domain(address.rpartition("@")[2])
        if domain is None:  # not ours: whether it may be relayed is Postfix's rule
            self._envelope.recipients.append(Recipient(address=address, outside=(address,)))
            return None
        self._envelope.domains[domain.name] = domain
        for rule in ADDRESS_RULES:
            if reply := rule.check(domain, resolution):
                return self._refuse(address, reply, rule.name)
        return self._check_mailboxes(address, resolution)

    def header(self, name: str, value: bytes) -> None:
        """One header, blanks and folds as they came."""
        self._content().header(name, value)

    def body(self, chunk: bytes) -> None:
        """A piece of the body."""
        self._content().body(chunk)

    def end(self, queue_id: str) -> Verdict:
        """The end of the message: scan, trigger, record. What it returns must be done; the events say so already."""
        message = self._content()
        message.complete()
        if self._listed:
            return self._discard(queue_id, message, self._listed)
        if message.is_flooded:
            return self._refuse_flood(queue_id, message)
        scan = self._scanner.scan(message.spool, message.size_bytes)
        if reply := virus.check(scan, () if scan.clean else self._domains()):
            return self._refuse_message(queue_id, message, scan, reply)
        if not scan.clean:
            logger.warning(log.line(queue_id, alarm=UNSCANNED, why=scan.trouble))
        return self._accept(queue_id, message, CLEAN if scan.clean else UNSCANNED)

    def reset(self) -> None:
        """The mail is over, or given up."""
        if self._message is not None:
            self._message.close()
            self._message = None
        self._envelope = Envelope(mail_from="")
        self._listed = None

    def _content(self) -> Message:
        if self._message is None:
            memory_bytes = self._services.settings.memory_bytes
            self._message = Message(memory_bytes=memory_bytes, folder=self._services.folder)
        return self._message

    def _domains(self) -> list[Domain]:
        """The domains of ours that this mail concerns: of the sender who logged in and of the recipients."""
        sender = self._envelope.sender
        for subscriber in [*([sender] if sender else []), *self._envelope.mailboxes()]:
            if subscriber.domain not in self._envelope.domains:
                domain = self._services.facts.domain(subscriber.domain)
                if domain is not None:
                    self._envelope.domains[domain.name] = domain
        return list(self._envelope.domains.values())

    def _check_mailboxes(self, address: str, resolution: Resolution) -> Reply | None:
        """Refuse only where every mailbox refuses and nothing else is left; a temporary reason wins."""
        taken: list[Subscriber] = []
        refusals: list[tuple[Reply, str]] = []
        for mailbox in resolution.subscribers:
            for rule in MAILBOX_RULES:
                if reply := rule.check(self._envelope, mailbox, self._services.usage):
                    refusals.append((reply, rule.name))
                    break
            else:
                taken.append(mailbox)
        if refusals and not (taken or resolution.outside or resolution.dynamic):
            reply, rule_name = min(refusals, key=lambda refusal: refusal[0].code)
            return self._refuse(address, reply, rule_name)
        self._envelope.recipients.append(Recipient(address=address, mailboxes=tuple(taken), outside=resolution.outside))
        return None

    def _refuse(self, address: str, reply: Reply, rule: str) -> Reply:
        envelope = self._envelope
        detail = {"rule": rule, "mail_from": envelope.mail_from, "rcpt_to": address, "direction": envelope.direction}
        self._services.outbox.event(
            Event(kind=Kind.MAIL_REFUSED, subscriber=envelope.login or None, result=str(reply), detail=detail)
        )
        logger.info(
            log.line(
                None, to=address, client=envelope.client_ip, status="refused", rule=rule, reply=reply, **_from(envelope)
            )
        )
        return reply

    def _discard(self, queue_id: str, message: Message, entry: str) -> Verdict:
        envelope = self._envelope
        for recipient in envelope.recipients:
            detail = {"mail_from": envelope.mail_from, "rcpt_to": recipient.address, "client_ip": envelope.client_ip}
            self._record(Kind.MAIL_DISCARDED, queue_id, message, result=entry, detail=detail)
        self._log(queue_id, message, status="discarded", rule=blacklist.name, entry=entry)
        return Verdict(action=Action.DISCARD)

    def _refuse_message(self, queue_id: str, message: Message, scan: Scan, reply: Reply) -> Verdict:
        detail = {"rule": virus.name, "signature": scan.signature, **self._detail()}
        self._record(Kind.MAIL_REFUSED, queue_id, message, result=str(reply), detail=detail)
        self._log(queue_id, message, status="refused", rule=virus.name, reply=reply, why=scan.trouble or None)
        return Verdict(action=Action.REFUSE, reply=reply)

    def _refuse_flood(self, queue_id: str, message: Message) -> Verdict:
        reply, rule = replies.HEADER_FLOOD, "internal_headers"
        self._record(Kind.MAIL_REFUSED, queue_id, message, result=str(reply), detail={"rule": rule, **self._detail()})
        self._log(queue_id, message, status="refused", rule=rule, reply=reply)
        return Verdict(action=Action.REFUSE, reply=reply)

    def _accept(self, queue_id: str, message: Message, result: str) -> Verdict:
        services, envelope = self._services, self._envelope
        notify = notification(queue_id, envelope, message, services.settings.digest_bytes)
        if notify is not None:
            job_id = f"{queues.NOTIFY_QUEUE}-{queue_id}"
            services.outbox.job(queues.NOTIFY_QUEUE, queues.NOTIFY_JOB, job_id, queues.to_payload(notify))
        self._record(Kind.MAIL_ACCEPTED, queue_id, message, result=result, detail=self._detail())
        self._log(queue_id, message, status="accepted", scan=result, notify=notify and len(notify.recipients))
        add = {} if result == CLEAN else {SCAN_HEADER: result}
        return Verdict(action=Action.ACCEPT, remove=dict(message.internal), add=add)

    def _detail(self) -> dict[str, object]:
        envelope = self._envelope
        return {
            "direction": envelope.direction,
            "mail_from": envelope.mail_from,
            "rcpt_to": [recipient.address for recipient in envelope.recipients[:MAX_RECORDED]],
            "recipients": len(envelope.recipients),
        }

    def _record(
        self, kind: Kind, queue_id: str, message: Message, *, result: str, detail: Mapping[str, object]
    ) -> None:
        sender = self._envelope.sender
        event = Event(
            kind=kind,
            queue_id=queue_id,
            message_id=message.message_id or None,
            subscriber=sender.mailbox if sender else None,
            domain=sender.domain if sender else None,
            size_bytes=message.size_bytes,
            result=result,
            detail=dict(detail),
        )
        self._services.outbox.event(event)

    def _log(self, queue_id: str, message: Message, **outcome: object) -> None:
        envelope = self._envelope
        logger.info(
            log.line(
                queue_id,
                direction=envelope.direction,
                client=envelope.client_ip,
                **_from(envelope),
                nrcpt=len(envelope.recipients),
                size=message.size_bytes,
                message_id=message.message_id,
                **outcome,
            )
        )


def _from(envelope: Envelope) -> dict[str, object]:
    return {"from": f"<{envelope.mail_from}>", "login": envelope.login or None}
