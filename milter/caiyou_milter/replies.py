"""Every SMTP reply of the milter, English first, then Chinese, on one line.

Postfix passes the UTF-8 through as it is (3.7, 3.10); a peer that shows ``?`` for it still shows the English half.
No address stands in a reply: each one answers its own command. libmilter takes ``%`` for a directive: none is used.
"""

from __future__ import annotations

from caiyou.errors import Reply

UNKNOWN = Reply(550, "5.1.1", "No such mailbox here / 没有这个邮箱")
LOOP = Reply(550, "5.4.6", "This address only leads back to itself / 此地址的别名循环")
SUSPENDED = Reply(550, "5.2.1", "This mailbox is suspended / 此邮箱已停用")
DOMAIN_SUSPENDED = Reply(550, "5.2.1", "Mail for this domain is suspended / 此域的邮件服务已停用")
REJECTED = Reply(550, "5.7.1", "The recipient does not accept mail from this sender / 收件人拒收此发件人的邮件")
MAILBOX_FULL = Reply(452, "4.2.2", "The mailbox is full, try again later / 邮箱已满，请稍后再试")
NEVER_FITS = Reply(552, "5.2.2", "The message is larger than the whole mailbox / 邮件大于邮箱的总容量")
TOO_LARGE_TO_SCAN = Reply(
    552, "5.3.4", "The message is too large to be scanned for viruses / 邮件过大，无法进行病毒扫描"
)
HEADER_FLOOD = Reply(554, "5.6.0", "Too many X-Caiyou headers / X-Caiyou 邮件头过多")
SCAN_DOWN = Reply(451, "4.3.0", "The virus scanner is not available, try again later / 病毒扫描暂不可用，请稍后再试")
TRY_LATER = Reply(451, "4.3.0", "Temporary failure, try again later / 系统暂时故障，请稍后再试")


def infected(signature: str) -> Reply:
    """A virus was found; ``signature`` is clamd's name of it, at most 100 characters of it are shown."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "._-:/") else "_" for c in signature[:100])
    return Reply(554, "5.7.0", f"Virus found: {name}, the message is refused / 发现病毒，邮件被拒收：{name}")
