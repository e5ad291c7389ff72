"""Of a passage, the sentences that speak to a claim."""

from __future__ import annotations

from models.evidence import MAX_SENTENCES, MAX_WORDS, evidence

PASSAGE = (
    "## Billing\n\nInvoices are sent by **e-mail**. The Team plan costs €8. Webhooks need the Business plan. "
    "Guests are free.\n\nYou can cancel in Settings."
)


def test_the_sentence_that_shares_the_rare_words_is_there() -> None:
    assert "Webhooks need the Business plan." in evidence("You need Business for webhooks.", PASSAGE)


def test_sentences_keep_the_passages_order_and_lose_their_emphasis() -> None:
    assert evidence("Invoices by e-mail; guests free", PASSAGE)[:2] == (
        "Invoices are sent by e-mail.",
        "Guests are free.",
    )


def test_a_long_passage_gives_a_few_sentences() -> None:
    long = " ".join(f"The printer number {n} prints a page for everybody in the office." for n in range(400))
    found = evidence("The printer prints a page.", long)
    assert 0 < len(found) <= MAX_SENTENCES
    assert sum(len(one.split()) for one in found) <= MAX_WORDS


def test_a_claim_that_shares_no_word_still_gets_one_sentence() -> None:
    assert len(evidence("Zebras gallop.", PASSAGE)) == 1
    assert evidence("Zebras gallop.", "") == ()
