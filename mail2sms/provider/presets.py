"""Descriptions that come along: what ``preset`` stands for, key by key as in the settings file.

kannel: sendsms of Kannel's smsbox (user guide 1.4.5, "Using the HTTP Interface to Send SMS Messages"); its answers as
smsbox 1.4.5 gives them. bearer_json, hmac: what most JSON interfaces look like, to begin from.
"""

from __future__ import annotations

from typing import Any

_STATES = {
    "DELIVRD": "delivered",
    "DELIVERED": "delivered",
    "ACCEPTD": "pending",
    "ACCEPTED": "pending",
    "ENROUTE": "pending",
    "SENT": "pending",
    "EXPIRED": "expired",
    "UNDELIV": "failed",
    "FAILED": "failed",
    "REJECTD": "failed",
}

KANNEL: dict[str, Any] = {
    "method": "GET",
    "body": "query",
    "fields": {
        "username": "{username}",
        "password": "{password}",
        "from": "{src}",
        "to": "{to}",
        "text": "{text}",
        "coding": "{coding}",
        "charset": "UTF-8",
        "udh": "{udh}",
        "validity": "{valid_minutes}",
        "priority": "{urgent}",
        "dlr-mask": "19",  # delivered 1, not delivered 2, refused by the SMSC 16
        "dlr-url": "{callback_url}?kind=report&id={id}&status=%d&stat=%A",
    },
    "answer": {
        "format": "text",
        "code": "^(?:([0-9]+): |(Sent|Not routable|Authorization failed|Temporal failure))",
        "error": "^(.{1,200})",
        "codes": {
            "0": "accepted",
            "3": "accepted",  # queued: no SMSC just now
            "Sent": "accepted",  # smsbox before 1.4
            "Not routable": "refused",  # with 403, as a refused password has it
            "Authorization failed": "login",
            "Temporal failure": "busy",
        },
    },
    # What is answered to MO goes back to the handset as an SMS, so nothing is.
    "callback": {
        "reply": "",
        "report": {
            "when": {"kind": "report"},
            "id": "id",
            "status": "status",
            "stat": "stat",
            "states": {
                "1": "delivered",
                "2": "failed",
                "4": "pending",
                "8": "pending",
                "16": "failed",
                "32": "pending",
                "34": "expired",
            },
        },
        "mo": {
            "when": {"kind": "mo"},
            "id": "id",
            "sender": "from",
            "to": "to",
            "text": "text",
            "text_charset": "charset",
            "udh": "udh",
        },
    },
}

_CALLBACK: dict[str, Any] = {
    "reply": '{"status": "ok"}',
    "reply_type": "application/json",
    "report": {
        "when": {"type": "report"},
        "list": "reports",
        "id": "id",
        "status": "status",
        "to": "to",
        "states": _STATES,
    },
    "mo": {"when": {"type": "message"}, "id": "id", "sender": "from", "to": "to", "text": "text"},
}

BEARER_JSON: dict[str, Any] = {
    "method": "POST",
    "body": "json",
    "number": "plus",
    "whole_messages": True,
    "headers": {"Authorization": "Bearer {token}"},
    "fields": {
        "to": "{to}",
        "from": "{src}",
        "text": "{text}",
        "reference": "{id}",
        "valid_until": "{valid_until}",
        "callback_url": "{callback_url}",
    },
    "answer": {
        "format": "json",
        "id": "id",
        "code": "error.code",
        "error": "error.message",
        "codes": {"busy": "busy", "unauthorized": "login"},
    },
    "callback": {"token_header": "Authorization", **_CALLBACK},
}

HMAC: dict[str, Any] = {
    "method": "POST",
    "body": "json",
    "whole_messages": True,
    "headers": {
        "X-Key-Id": "{username}",
        "X-Timestamp": "{timestamp}",
        "X-Nonce": "{nonce}",
        "X-Signature": "{signature}",
    },
    "signature": {"payload": "{method}\n{path}\n{timestamp}\n{nonce}\n{body_sha256}"},
    "fields": {
        "to": "{to}",
        "from": "{src}",
        "text": "{text}",
        "reference": "{id}",
        "valid_until": "{valid_until}",
        "callback_url": "{callback_url}",
    },
    "answer": {
        "format": "json",
        "id": "data.id",
        "code": "code",
        "error": "message",
        "codes": {"0": "accepted", "1001": "login", "1008": "busy"},
    },
    "callback": {
        "signature": {
            "at": "header:X-Signature",
            "timestamp_at": "header:X-Timestamp",
            "payload": "{timestamp}\n{body}",
        },
        **_CALLBACK,
    },
}

PRESETS: dict[str, dict[str, Any]] = {"kannel": KANNEL, "bearer_json": BEARER_JSON, "hmac": HMAC}


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with what ``over`` says key by key; lists and texts are replaced whole."""
    found = dict(base)
    for key, value in over.items():
        below = found.get(key)
        found[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return found
