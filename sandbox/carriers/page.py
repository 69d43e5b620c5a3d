"""The page that shows the phones: one HTML file without outside assets, in Chinese or English."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from functools import cache
from pathlib import Path

TEXTS = {
    "zh": {
        "lang": "zh-CN",
        "title": "模拟手机",
        "intro": "短信经模拟的运营商到达这里；也可以从手机发回短信。",
        "open": "打开手机",
        "number": "手机号码",
        "to": "收件服务号",
        "by": "经由",
        "write": "写短信…",
        "send": "发送",
        "empty": "还没有短信",
        "none": "还没有手机收到短信。输入一个号码即可打开一部手机。",
        "parts": "{n} 条拼接",
        "live": "实时",
        "lost": "连接中断，正在重试…",
        "other": "English",
        "other_code": "en",
        "failed": "发送失败：",
    },
    "en": {
        "lang": "en",
        "title": "Simulated phones",
        "intro": "Short messages arrive here through the simulated carriers; phones can send back.",
        "open": "Open phone",
        "number": "Phone number",
        "to": "Service code",
        "by": "By",
        "write": "Type a message…",
        "send": "Send",
        "empty": "No messages yet",
        "none": "No phone has received anything yet. Enter a number to open one.",
        "parts": "{n} parts",
        "live": "Live",
        "lost": "Connection lost, trying again…",
        "other": "中文",
        "other_code": "zh",
        "failed": "Not sent: ",
    },
}


# What people call the carriers, by name; others are shown by their name.
LABELS = {
    "ismg": "CMPP",
    "smg": "SGIP",
    "smgw": "SMGP",
    "smsc": "SMPP",
    "provider": "HTTP",
    "modem": "GSM",
}


def page(lang: str | None, accept_language: str, carriers: tuple[str, ...] = ("ismg",)) -> tuple[str, str]:
    """HTML and its Content-Security-Policy; a known ``lang`` goes before what the browser asks for.

    ``carriers``: the names of those by which a phone may write.
    """
    return _rendered(lang if lang in TEXTS else _preferred(accept_language), carriers)


def _preferred(accept_language: str) -> str:
    """The best known language of an Accept-Language header (RFC 9110, 12.5.4); Chinese where it names none."""
    best, best_weight = "zh", 0.0
    for choice in accept_language[:1000].split(","):
        tag, _, weight_text = choice.partition(";")
        name = tag.strip().lower().partition("-")[0]
        try:
            weight = float(weight_text.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if name in TEXTS and weight > best_weight:
            best, best_weight = name, weight
    return best


@cache
def _rendered(lang: str, carriers: tuple[str, ...]) -> tuple[str, str]:
    texts = TEXTS[lang]
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    in_script = _in_script(texts)
    for name, text in texts.items():
        template = template.replace("{{" + name + "}}", html.escape(text))
    template = template.replace("/*texts*/", in_script).replace("/*labels*/", _in_script(LABELS))
    template = template.replace("/*carriers*/", _in_script(carriers))
    style, script = (_hash_of(template, tag) for tag in ("style", "script"))
    policy = (
        f"default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return template, policy


def _in_script(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _hash_of(template: str, tag: str) -> str:
    """The source expression that allows the one inline element of that kind (CSP 3, 8.3)."""
    inline = template.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
    return "'sha256-" + base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode() + "'"
