"""Customers who write in another language: an answer in it, or a person and honest words in it; never a wrong language."""

from __future__ import annotations

from typing import Any

import pytest
from line_parts import POLICY, Parts, Rung, candidate, classification, draft, retrieved, ticket

from appliance.line.ground import ground
from appliance.line.language import language
from appliance.line.line import run
from appliance.ticket import Closed, Identified, Spoken, Ticket
from models.language import LangidDetector
from models.roles import UNDECIDED, Language

GERMAN = "Wo finde ich meine Rechnung?"
SPANISH = "¿Dónde encuentro mi factura?"
ARTICLE = "Las facturas están en Ajustes > Facturación. Puede descargarlas en PDF."


def hears(code: str, confidence: float = 0.95) -> Any:
    return lambda text: Language(code, confidence) if len(text.split()) > 2 else UNDECIDED


async def closed_of(parts: Parts, asked: Ticket) -> Closed:
    return await run(parts.desk(), asked, lambda kind, data: None)


async def test_a_language_without_an_article_goes_to_a_person_and_says_so_in_it() -> None:
    parts = Parts(detect=hears("de"))
    closed = await closed_of(parts, ticket(GERMAN))
    reply = closed.reply
    assert (reply.outcome, reply.rule, reply.language) == ("handed_over", "language.not_covered", "de")
    assert "auf Deutsch noch nicht" in reply.text
    assert reply.reason == "The customer writes in German (de) (0.95 sure); the knowledge base has no article in it."
    assert closed.note is not None
    assert reply.reason in closed.note.tried
    assert "translated" in closed.note.next_step
    assert parts.encoded == parts.seen == []  # an English encoder is not asked about German
    assert reply.intent == ""


async def test_articles_in_it_do_not_help_when_the_models_do_not_read_it() -> None:
    closed = await closed_of(Parts(detect=hears("de"), offered=frozenset({"", "de"})), ticket(GERMAN))
    assert (closed.reply.outcome, closed.reply.rule) == ("handed_over", "language.not_read")
    assert "auf Deutsch" in closed.reply.text


async def test_with_articles_and_models_that_read_it_the_answer_comes_from_those_articles() -> None:
    parts = Parts(
        detect=hears("es"),
        reads=frozenset({"en", "es"}),
        offered=frozenset({"", "es"}),
        found=[candidate(ARTICLE, "facturas", "Facturas")],
    )
    closed = await closed_of(parts, ticket(SPANISH))
    assert (closed.reply.outcome, closed.reply.language) == ("answered", "es")
    assert closed.reply.text.startswith("Las facturas están en Ajustes")
    assert closed.reply.text.endswith("Más información: Facturas (https://example.com/refunds)")
    [(_, visibility)] = parts.seen
    assert visibility.languages == {"es"}


async def test_a_rung_is_told_the_customers_language() -> None:
    rung = Rung([draft("Las facturas están en Ajustes > Facturación.")])
    parts = Parts(
        detect=hears("es"),
        reads=frozenset({"es"}),
        offered=frozenset({"es"}),
        found=[candidate(ARTICLE, "facturas", "Facturas")],
        ladder=(rung,),
    )
    await closed_of(parts, ticket(SPANISH))
    assert rung.asked[0].language == "es"


@pytest.mark.parametrize(
    "detect",
    [hears("en"), hears("de", 0.34), lambda text: UNDECIDED, hears("")],
    ids=["home", "unsure", "none", "empty"],
)
async def test_the_profiles_language_and_what_cannot_be_told_are_answered_as_ever(detect: Any) -> None:
    parts = Parts(detect=detect)
    closed = await closed_of(parts, ticket("When do I get my refund?"))
    assert (closed.reply.outcome, closed.reply.language) == ("answered", "en")
    [(_, visibility)] = parts.seen
    assert visibility.languages == {"en", ""}


async def test_a_wish_for_a_person_comes_first_and_is_answered_in_the_language() -> None:
    closed = await closed_of(Parts(detect=hears("de")), ticket("Ich möchte mit einem Menschen sprechen."))
    assert (closed.reply.rule, closed.reply.language) == ("route.asked_for_person", "de")
    assert closed.reply.text.startswith("Vielen Dank für Ihre Nachricht.")


async def test_every_hand_over_in_another_language_is_said_in_it() -> None:
    parts = Parts(detect=hears("es"), reads=frozenset({"es"}), offered=frozenset({"es"}), found=[])
    closed = await closed_of(parts, ticket(SPANISH))
    assert (closed.reply.rule, closed.reply.language) == ("retrieve.nothing", "es")
    assert closed.reply.text.startswith("Gracias por su mensaje.")
    assert closed.gap == SPANISH
    assert closed.note is not None
    assert "Read as a message in Spanish (es)." in closed.note.tried


async def test_a_language_of_which_we_have_no_words_is_answered_in_the_profiles() -> None:
    closed = await closed_of(Parts(detect=hears("th")), ticket("this stands for a Thai sentence"))
    assert (closed.reply.text, closed.reply.language) == (POLICY.replies.not_in_language, "en")
    assert "'th'" in closed.reply.reason


async def test_what_is_too_short_goes_with_what_was_said_before() -> None:
    parts = Parts(detect=hears("de"))
    history = (("customer", GERMAN), ("assistant", "…"))
    spoken = await language(parts.desk(), ticket("Und dann?", *history), Identified())
    assert (spoken.code, spoken.foreign) == ("de", True)
    alone = await language(parts.desk(), ticket("Und dann?"), Identified())
    assert (alone.code, alone.foreign) == ("en", False)


async def test_a_sentence_in_another_language_is_dropped_when_both_are_sure() -> None:
    text = "Your invoices are under Settings and Billing."
    found = retrieved(candidate(ARTICLE, "facturas", "Facturas"))
    spanish = Spoken("es", 0.99, foreign=True)
    desk = Parts(detect=hears("en", 0.97)).desk()
    [*_, verdict] = (await ground(desk, draft(text), found, spanish)).verdicts
    assert (verdict.gate, verdict.passed) == ("language", False)
    assert verdict.detail == "reads like 'en' (0.97), the customer writes in 'es'"


@pytest.mark.parametrize(
    ("spoken", "confidence"),
    [(Spoken("es", 0.0), 0.97), (Spoken("es", 0.99), 0.8), (Spoken("en", 0.99), 0.97)],
    ids=["customer unsure", "sentence unsure", "same"],
)
async def test_without_certainty_on_both_sides_nothing_is_dropped(spoken: Spoken, confidence: float) -> None:
    desk = Parts(detect=hears("en", confidence)).desk()
    judged = await ground(desk, draft("Refunds are paid soon enough."), retrieved(), spoken)
    assert ("language", True) in [(one.gate, one.passed) for one in judged.verdicts]


async def test_what_an_article_says_word_for_word_is_not_asked_for_its_language() -> None:
    desk = Parts(detect=hears("en", 0.99)).desk()
    judged = await ground(desk, draft("Refunds are paid within 10 business days."), retrieved(), Spoken("de", 0.99))
    assert judged.passed


@pytest.fixture(scope="module")
def langid() -> LangidDetector:
    return LangidDetector.open()


@pytest.mark.parametrize(
    ("text", "code", "begins"),
    [
        ("Merci", "fr", "Je vous en prie"),
        ("Danke schön!", "de", "Gern geschehen"),
        ("Bonjour", "fr", "Bonjour."),
        ("Guten Tag", "de", "Guten Tag."),
        ("hola", "es", "Hola."),
        ("tack", "sv", "Ingen orsak"),
        ("🤷", "en", "Hello"),
    ],
)
async def test_a_courtesy_is_answered_in_its_language(
    langid: LangidDetector, text: str, code: str, begins: str
) -> None:
    closed = await closed_of(Parts(detect=langid.detect), ticket(text))
    assert (closed.reply.outcome, closed.reply.rule) == ("answered", "route.courtesy")
    assert closed.reply.language == code
    assert closed.reply.text.startswith(begins)


async def test_letters_of_an_unknown_script_go_to_a_person(langid: LangidDetector) -> None:
    closed = await closed_of(Parts(detect=langid.detect), ticket("ვერ შევდივარ ჩემს ანგარიშში"))
    assert (closed.reply.outcome, closed.reply.rule) == ("handed_over", "language.not_covered")
    assert closed.reply.text == POLICY.replies.not_in_language
    assert "does not know" in closed.reply.reason


async def test_nobody_is_refused_for_a_language_that_is_only_guessed() -> None:
    foreign = classification(out_of_scope=0.9)
    parts = Parts(detect=lambda _: Language("nl", 0.1), classification=foreign, found=[])
    closed = await closed_of(parts, ticket("kosten vakantie strand"))
    assert (closed.reply.outcome, closed.reply.rule) == ("handed_over", "language.unsure")
    assert "Dutch" in closed.reply.reason
    english = Parts(detect=lambda _: Language("en", 0.1), classification=foreign, found=[])
    assert (await closed_of(english, ticket("cost of a beach holiday"))).reply.outcome == "refused"


async def test_with_the_detector_off_even_telling_words_count_as_the_profiles() -> None:
    spoken = await language(Parts(detect=lambda _: UNDECIDED).desk(), ticket("danke"), Identified())
    assert (spoken.code, spoken.foreign, spoken.guess) == ("en", False, "")
