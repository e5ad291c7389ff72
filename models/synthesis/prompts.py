"""The words around a question: plain text files, filled by a replacer that reads nothing in the values.

No template engine: one that met a customer's ``{{ ... }}`` has been remote code execution elsewhere. What stays the
same from request to request comes first, so that vLLM's prefix cache has read it already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from models.roles import PromptPassage, SynthesisRequest

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_TAG = re.compile(r"<(?=[/|｜<!A-Za-z_])|(?<=[|｜])>")
"""What could open or close a delimiter of ours or a control token of a model, such as ``</passage>`` or ``<|im_end|>``."""
_BRACKET_TOKEN = re.compile(r"\[(/?[A-Z_]{3,20})\]")
_INVISIBLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f\ud800-\udfff]"
)
"""Characters that a reader does not see and a model does, and halves of characters, which no UTF-8 can carry.

Line breaks and the joiners of Persian and of emoji are kept."""
_NAMES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "fi": "Finnish",
    "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sv": "Swedish",
    "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class PromptLimits:
    """Characters that go into one prompt: with these the longest English prompt takes about half of 8,192 tokens."""

    question: int = 1_500
    passage: int = 1_500
    title: int = 150
    passages: int = 5
    messages: int = 6
    message: int = 400
    example: int = 300
    examples: int = 3
    rejected: int = 4


LIMITS = PromptLimits()


@dataclass(frozen=True, slots=True)
class Prompt:
    """The two messages of one request. ``passages`` is how many passages stand in it, numbered from 1."""

    system: str
    user: str
    passages: int


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put each value in the place of its ``{name}``, in one pass: braces inside a value are only characters.

    Raises ``ValueError`` when names and values do not match one to one: a prompt with a hole must never leave.
    """
    names = set(_PLACEHOLDER.findall(template))
    if names != set(values):
        raise ValueError(f"The prompt asks for {sorted(names)} but was given {sorted(values)}.")
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], template)


def as_data(text: str, limit: int) -> str:
    """``text`` cut to ``limit`` characters, unable to end its delimiter, open a model's turn or hide characters.

    Only the bracket of what looks like a tag is changed (``<`` to ``‹``): the words stay as they are.
    """
    cut = _INVISIBLE.sub(" ", text[:limit].replace("\r\n", "\n")).strip()
    return _BRACKET_TOKEN.sub(r"‹\1›", _TAG.sub(lambda match: "‹" if match.group() == "<" else "›", cut))


def build(request: SynthesisRequest, limits: PromptLimits = LIMITS) -> Prompt:
    """The prompt of ``request``. Passages keep the numbers they came with; those past the limit are left out."""
    passages = request.passages[: limits.passages]
    system = fill(
        _text("system"),
        {
            "company": as_data(request.company, limits.title) or "our company",
            "max_sentences": str(request.max_sentences),
            "mark": as_data(request.mark, limits.title) or "none",
            "tone": as_data(request.tone, limits.message) or "plain and friendly",
            "examples": _examples(request, limits),
        },
    )
    user = fill(
        _text("user"),
        {
            "passages": "\n".join(_passage(passage, limits) for passage in passages),
            "history": _history(request, limits),
            "question": as_data(request.question, limits.question),
            "rejected": _rejected(request, limits),
            "language": _language(request.language),
        },
    )
    return Prompt(system=system.strip(), user=user.strip(), passages=len(passages))


def _passage(passage: PromptPassage, limits: PromptLimits) -> str:
    return fill(
        _text("passage"),
        {
            "number": str(passage.n),
            "title": as_data(passage.title, limits.title),
            "text": as_data(passage.text, limits.passage),
        },
    )


def _history(request: SynthesisRequest, limits: PromptLimits) -> str:
    """The last messages; each on one line, so that a message cannot play the part of another author."""
    said = request.history[-limits.messages :] if limits.messages else ()
    lines = (f"{as_data(author, 40)}: {' '.join(as_data(text, limits.message).split())}" for author, text in said)
    return "\n".join(lines) or "(none)"


def _rejected(request: SynthesisRequest, limits: PromptLimits) -> str:
    """What was wrong with the last draft; behind the question, so that what the prefix cache has read stays as it was."""
    if not request.rejected:
        return ""
    lines = (
        fill(
            _text("refused"),
            {"sentence": as_data(sentence, limits.message), "reason": as_data(reason, limits.title)},
        )
        for sentence, reason in request.rejected[: limits.rejected]
    )
    return fill(_text("rejected"), {"sentences": "\n".join(lines)})


def _language(tag: str) -> str:
    """``German ("de")``: a small model knows the name better than the code."""
    code = tag if _LANGUAGE.fullmatch(tag) else "en"
    name = _NAMES.get(code.partition("-")[0].lower(), "")
    return f'{name} ("{code}")' if name else f'the language "{code}"'


def prompt_words() -> tuple[str, ...]:
    """The rules as they stand in the prompt: words of ours that no reply repeats. One text a line of the file."""
    rules = (line for line in _text("system").splitlines() if line and "{" not in line)
    return (*rules, _text("rejected"))


def _examples(request: SynthesisRequest, limits: PromptLimits) -> str:
    return "\n".join(
        fill(
            _text("example"),
            {"customer": as_data(customer, limits.example), "reply": as_data(reply, limits.example)},
        )
        for customer, reply in request.examples[: limits.examples]
    )


@cache
def _text(name: str) -> str:
    """One prompt file; read once, from wherever the package is installed."""
    return files("models.synthesis").joinpath("prompts", f"{name}.txt").read_text("utf-8").rstrip("\n")
