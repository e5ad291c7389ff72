"""Words that speak to a model and not to a customer.

A short list of forms that injections share and help articles do not. It finds the careless ones, so that an author can look at them;
whoever knows the list writes around it. What keeps customers safe is that a model which obeys does no harm.
"""

from __future__ import annotations

import re
import unicodedata

_MODEL = r"(?:AI|LLM|large language model|language model|chat ?bot|AI (?:assistant|agent|model|system)|bot|GPT|ChatGPT|Claude)"
_ORDERS = r"(?:instructions?|prompts?|directives?|guidelines|programming|system messages?)"
_ANYTHING = r"(?:\w+[ ,]+){0,4}?"
_PATTERNS = (
    # take back what the model was told
    rf"\b(?:ignore|disregard|forget|override|bypass|neglect|overrule) {_ANYTHING}(?:previous|prior|above|earlier|preceding|all|any|your|original|initial|system)(?: of)?(?: \w+){{0,2}}? {_ORDERS}\b",
    r"\b(?:ignore|disregard|forget|bypass) (?:all|any|all of|any of)?\s?(?:your|the assistant's|its)(?: \w+)? rules\b",
    r"\b(?:ignore|disregard) (?:all|any) rules\b",
    r"\bforget (?:everything|all) (?:you|that you|that was|above|before|i|we)\b",
    r"\b(?:ignore|disregard) (?:everything|all|anything) (?:above|before|previously|you (?:were|have been))\b",
    r"\b(?:vergiss|vergessen sie|ignoriere|ignorieren sie|missachte) (?:\w+ ){0,4}(?:anweisung(?:en)?|instruktionen|befehle|vorgaben|aufgaben)\b",
    r"\b(?:oublie[zr]?|ignore[zr]?) (?:\w+ ){0,4}(?:instructions|consignes)\b",
    r"\b(?:olvida|ignora|ignore|esqueça|dimentica) (?:\w+ ){0,4}(?:instrucciones|instruções|istruzioni)\b",
    # the marks of a conversation's turns
    r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|start_header_id|end_header_id|eot_id|begin_of_text|channel|message)\|>",
    r"\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?(?:system|user|assistant)[_-](?:prompt|message|instructions?)>|</?system>\s*\w+ \w+",
    r"^\W{0,4}#{2,4} ?(?:system|assistant|human|new instructions?|system prompt) ?:",
    r"^\W{0,3}(?:user|human|customer) ?:[^\n]*\n{1,3}\W{0,3}(?:assistant|ai|bot|system) ?:",
    r"^\W{0,3}assistant ?: ?\w+ \w+",
    r"^\W{0,3}(?:system|admin(?:istrator)?|developer)(?: message| note| override| prompt)? ?: ?(?:you (?:are|must|will|should)|ignore|disregard|the (?:assistant|model|bot)|from now)\b",
    # another role
    rf"\byou are (?:now )?(?:(?:a|an|the|my) )?(?:\w+ ){{0,3}}{_MODEL}\b(?! (?:admin|user|owner|customer|developer|subscriber|license))",
    r"\byou are now (?:DAN\b|jailbroken|unrestricted|no longer (?:bound|restricted|required)|free (?:of|from)|in (?:developer|god|jailbreak|debug|unrestricted|DAN) mode)",
    r"\bfrom now on,? (?:you (?:are (?:a|an|my|going|to)|act|(?:must|will|should|shall) (?:only )?(?:act|answer|respond|reply|say|speak|pretend|behave))|(?:act|answer|respond|reply|pretend|behave) )",
    r"\b(?:i want you to|you (?:must|will|should) now|you are going to) (?:act|behave|respond|pretend) (?:as|like|to)\b",
    r"\bpretend (?:that )?(?:you(?:'re| are| have)|to be (?:a|an|my))\b",
    # ask for what only the model was given
    r"\b(?:reveal|repeat|print|output|leak|show|display|tell me|what (?:is|are|was|were)) (?:me )?(?:\w+ ){0,2}your (?:\w+ )?(?:system prompt|prompt|system message|"
    r"(?:initial|original|hidden|secret|previous|first) instructions?)\b",
    r"\byour (?:system|initial|hidden|secret|original) (?:prompt|instructions?)\b",
    r"\b(?:reveal|repeat|print|output|leak|ignore|override|end of|new|updated?) (?:\w+ ){0,2}system prompt\b",
    # behind the customer's back
    r"\b(?:do not|don't|never) (?:tell|inform|alert|let|warn|notify|mention (?:\w+ ){0,2}to) (?:the |this (?:\w+ )?to the )?(?:user|reader|human)s? "
    r"(?:about (?:this|these)|that you|of this|what you|know (?:about|that) (?:this|these|you)|anything)\b",
    r"\bwithout (?:telling|informing|alerting|mentioning (?:\w+ ){0,2}to) the (?:user|customer|reader|human)s?\b[^.\n]{0,40}\b(?:instruction|prompt|answer|reply|respond)",
    rf"\b(?:notes?|message|instructions?|attention|important|reminder) (?:to|for|:) ?(?:the |any |all |every )?{_MODEL}s?\b(?! (?:admin|user|owner|develop|setting|feature|service|builder))",
    rf"\b(?:if|when|since|because|as) (?:you are |you're )?(?:a|an) {_MODEL} (?:reading|processing|summari[sz]ing|answering|assistant reading|that (?:reads|is reading)|,? you (?:must|should|will))",
    rf"\b{_MODEL}s? (?:reading|processing|summari[sz]ing) (?:this|the following)\b",
    r"\bas an ai(?: language)? model\b",
    # carry something out
    r"\b(?:send|post|forward|e-?mail|transmit|exfiltrate|upload|submit|leak|append|include)(?:s|ing)? (?:\w+ ){0,4}?(?:conversation|chat (?:history|log|transcript)|"
    r"(?:customer|user|visitor)(?:'s|s')? (?:\w+ )?(?:data|details|e-?mail address|question|query|questions|message|messages|password|name)|system prompt|session token)\b[^.\n]{0,60}? "
    r"(?:to|in|at) (?:this url|the url|https?://|\S+@\S+|[\w-]+\.(?:com|net|io|xyz|example|org)\b)",
    r"!\[[^\]\n]{0,200}\]\(\s*https?://[^)\s]{0,300}[?&/=](?:\{[^}\n]{1,80}\}|\$\{|\[[A-Z_ ]{3,40}\]|<[A-Za-z_ ]{3,40}>|%7B)",
)
_ANY = tuple(re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in _PATTERNS)
_MARKS = re.compile(r"(?<!\w)[*_`~]{1,3}(?=\w)|(?<=\w)[*_`~]{1,3}(?!\w)|(?<=\w)\*{1,2}(?=\w)")
_SPACES = re.compile(r"[^\S\n]+")
_AROUND = 80


def instructions(text: str) -> list[str]:
    """The places of ``text`` that read like an instruction to a model, each with some words around it; at most one a form."""
    plain = _SPACES.sub(" ", _MARKS.sub("", unicodedata.normalize("NFKC", text).replace("\u2019", "'")))
    wrapped = re.sub(r"(?<![.:!?\n])\n(?![\n#>|*-])", " ", plain)  # a sentence may go on in the next line
    found: dict[str, None] = {}
    for pattern in _ANY:
        for form in (plain, wrapped):
            if match := pattern.search(form):
                start, end = max(0, match.start() - _AROUND), min(match.end(), match.start() + 200) + _AROUND
                found[" ".join(form[start:end].split())] = None
                break
    return list(found)
