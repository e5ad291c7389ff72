"""Commercial promises without a digit: free, a full refund, half the price, a third of it, the end of next month, ``example dot com``."""

from __future__ import annotations

import re

from appliance.line.literals.references import normal_url

_FREE = re.compile(
    r"(?:(?<!\bfeel )(?<!\bnot )(?<!-)\bfree\b|(?:^|(?<=[\n.!?:|*-] )|(?<=\n))Free\b)"
    r"(?!-)(?!\s+(?:plans?|tiers?|version|account|edition|up|space|text|time|to|from|of(?!\s+charge))\b)"
    r"|\b[Ff]ree of charge\b|\b(?:at|for) no (?:extra |additional )?(?:cost|charge)\b|\bwithout charge\b|\bcosts? nothing\b"
    r"|\b(?:[Cc]omplimentary|[Gg]ratis|on the house)\b",
)
"""``Free`` with a capital inside a sentence is a name; free of bugs, feel free and a free account are no prices."""
_FULL_REFUND = re.compile(
    r"\b(?:full(?:y)?|complete(?:ly)?) refund\w*|\brefund\w*(?:\s\w+){0,4}?\s(?:in full|fully)\b"
    r"|\brefund\w*(?:\s\w+){0,3}?\s(?:full|whole) (?:amount|price|sum|cost)\b",
    re.I,
)
_HALF = re.compile(
    r"\bhalf[\s-]?(?:of )?(?:the |its )?(?:price|cost|off)\b|\bhalf (?:of (?:the|your|its|an?|every|each|that|what)|as (?:much|many)|the (?=\w+ (?:is|are|will|was)\b))",
    re.I,
)
_FRACTION = re.compile(
    r"\b(?P<top>an?|one|two|three|four)[\s-](?P<part>third|quarter|fifth|sixth|eighth|tenth)s?(?=\s(?:of|off)\b|(?<=s)\b)",
    re.I,
)
_TIMES_OVER = re.compile(
    r"\b(?P<word>double|triple|quadruple)[sd]?\b(?![\s-]?(?:click|check|tap|quote|space|sided|opt|room|bed)\w*)", re.I
)
_EDGE = re.compile(
    r"\b(?P<edge>end|beginning|start|middle) of (?P<which>the next|the following|next|the|this|each|every)?\s?(?:current )?"
    r"(?P<unit>week|month|quarter|year)\b",
    re.I,
)
_SPELLED_HOST = re.compile(
    r"\b[\w-]{2,63}(?:\s?[(\[{<]\s?(?:dot|\.)\s?[)\]}>]\s?|\sdot\s)(?:com|org|net|io|co|dev|app|eu|de|uk|fr|es|pl|ru|cn|info|xyz|biz|site|online|shop|example|test|ly|tv|ai)\b",
    re.I,
)
_TIMES = {"double": "2", "triple": "3", "quadruple": "4"}
_TOPS = {"a": "1", "an": "1", "one": "1", "two": "2", "three": "3", "four": "4"}

Reading = tuple[str, frozenset[str]]


def _free(_: re.Match[str]) -> Reading:
    return "claim", frozenset({"free"})


def _full_refund(_: re.Match[str]) -> Reading:
    return "claim", frozenset({"full refund"})


def _half(_: re.Match[str]) -> Reading:
    return "percent", frozenset({"50 %"})


def _fraction(match: re.Match[str]) -> Reading:
    return "claim", frozenset({f"{_TOPS[match['top'].lower()]}/{match['part'].lower()}"})


def _times_over(match: re.Match[str]) -> Reading:
    return "number", frozenset({_TIMES[match["word"].lower()]})


def _edge(match: re.Match[str]) -> Reading:
    which = "next" if (match["which"] or "").lower().endswith(("next", "following")) else "this"
    return "claim", frozenset({f"{match['edge']} of {which} {match['unit']}".lower()})


def _spelled_host(match: re.Match[str]) -> Reading:
    return "url", frozenset(
        {normal_url(re.sub(r"\s?[(\[{<]?\s?(?:\bdot\b|\.)\s?[)\]}>]?\s?", ".", match.group(), flags=re.I))}
    )


PATTERNS = (
    (_SPELLED_HOST, _spelled_host),
    (_FULL_REFUND, _full_refund),
    (_HALF, _half),
    (_FRACTION, _fraction),
    (_TIMES_OVER, _times_over),
    (_EDGE, _edge),
)
LAST = ((_FREE, _free),)
"""After the numbers: ``one free revision`` is a number of revisions first."""
