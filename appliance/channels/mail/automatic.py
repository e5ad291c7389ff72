"""Did a machine write this mail? Each rule has a stable id; the first that fits is told. RFC 3834, RFC 2369, and what programs do beside them."""

from __future__ import annotations

import re
from collections.abc import Callable

from appliance.channels.mail.headers import Headers, valued

_NO_PERSON = re.compile(
    r"(?:mailer-?daemon|postmaster|no-?_?reply|do-?_?not-?_?reply|nobody|bounces?|majordomo|listserv|auto-?(?:reply|responder|mailer)|mdaemon|system-notification)"
    r"(?:[-+.=_].*)?",
    re.I,
)
_REPLY_HEADERS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-autoreply-from",
    "x-mail-autoreply",
    "x-auto-reply-from",
)
_RULE_AGENT = ("x-ms-exchange-generated-message-source", "x-ms-exchange-inbox-rules-loop")
_BULK = ("feedback-id", "x-campaign", "x-campaign-id", "x-mailgun-tag", "x-mc-user", "x-mailer-lid")
_OUT_OF_OFFICE = re.compile(
    r"\s*(?:auto(?:matic)?[ -]?(?:reply|response)|out of (?:the )?office|automatische antwort|abwesenheit\w*|r[ée]ponse automatique|absence du bureau|risposta automatica"
    r"|respuesta autom[áa]tica|resposta autom[áa]tica|automatisch antwoord|afwezig\w*|autosvar|automatick[áa] odpov\S+|automatyczna odpowied\S+)\s*(?::|-|\Z|\()",
    re.I,
)


def _submitted(headers: Headers) -> bool:
    return any(
        valued(value).value.partition("(")[0].strip() not in {"", "no"} for value in headers.all("auto-submitted")
    )


def _suppressed(headers: Headers) -> bool:
    return any(value.strip().lower() not in {"", "none"} for value in headers.all("x-auto-response-suppress"))


def _null_path(headers: Headers) -> bool:
    return headers.has("return-path") and re.sub(r"[\s<>]", "", headers.first("return-path")) == ""


def _report(headers: Headers) -> bool:
    kind = valued(headers.first("content-type")).value
    reports = kind == "multipart/report" or (kind.startswith("message/") and kind.endswith("-status"))
    return reports or headers.has("x-failed-recipients")


def _listed(headers: Headers) -> bool:
    return any(name.startswith("list-") or name in {"mailing-list", "x-mailing-list"} for name, _ in headers.fields)


def _precedence(headers: Headers) -> bool:
    return any(value.strip().lower() in {"bulk", "junk", "list", "auto_reply"} for value in headers.all("precedence"))


def _out_of_office(headers: Headers) -> bool:
    """The subject alone proves nothing: people write about such replies too. Exchange leaves its own headers."""
    exchange = any(name.startswith("x-ms-exchange-") or name == "thread-index" for name, _ in headers.fields)
    return exchange and bool(_OUT_OF_OFFICE.match(headers.words("subject", 200)))


_RULES: tuple[tuple[str, Callable[[Headers], bool]], ...] = (
    ("auto.report", _report),
    ("auto.submitted", _submitted),
    ("auto.return_path", _null_path),
    ("auto.list", _listed),
    ("auto.precedence", _precedence),
    ("auto.suppress", _suppressed),
    ("auto.bulk", lambda headers: any(headers.has(name) for name in _BULK)),
    ("auto.reply_header", lambda headers: any(headers.has(name) for name in _REPLY_HEADERS)),
    ("auto.rule_agent", lambda headers: any(headers.has(name) for name in _RULE_AGENT)),
    ("auto.out_of_office", _out_of_office),
)
RULES = (*(rule for rule, _ in _RULES), "auto.sender")


def automatic(headers: Headers, senders: tuple[str, ...]) -> str:
    """The id of the first rule that fits, or empty. ``senders``: the addresses of From, Sender and the envelope."""
    for rule, fits in _RULES:
        if fits(headers):
            return rule
    return "auto.sender" if any(_NO_PERSON.fullmatch(one.rpartition("@")[0]) for one in senders) else ""
