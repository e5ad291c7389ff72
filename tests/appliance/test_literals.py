"""Which literals of a sentence count as standing in its sources, kind by kind and in both directions."""

from __future__ import annotations

import pytest

from appliance.line.literals import extract, unsupported

SUPPORTED = [
    # money
    ("It costs $10.", "The price is 10 dollars."),
    ("It costs 10 USD.", "The price is US$10."),
    ("It costs $1,000.", "The price is 1000 USD."),
    ("It costs €10.50.", "Es kostet 10,50 €."),
    ("It costs ten euros.", "The price is €10."),
    ("The fee is $10,000.", "The fee is $10k."),
    ("The fee is $2 million.", "The fee is $2,000,000."),
    ("Plans cost between $5 and $9.", "Plans cost $5–$9."),
    ("It starts at $5.", "Plans cost $5–$9."),
    ("It ends at $9.", "Plans cost $5–$9."),
    ("It costs ₹500.", "The price is 500 INR."),
    ("It costs CHF 20.", "The price is 20 CHF."),
    # percentages
    ("You save 20 percent.", "You save 20%."),
    ("You save 20 %.", "You save 20 per cent."),
    ("You save 10 to 20 percent.", "You save 10-20%."),
    ("You save 10%.", "You save 10%-20%."),
    # durations
    ("It takes 24 hours.", "It takes one day."),
    ("It takes 2 weeks.", "It takes fourteen days."),
    ("It lasts a year.", "It lasts 12 months."),
    ("It takes three business days.", "It takes 3 working days."),
    ("It takes 3 to 5 days.", "It takes 3-5 days."),
    ("It takes 5 days.", "It takes 3–5 days."),
    ("There is a 30-day trial.", "The trial lasts 30 days."),
    ("There is a thirty-day trial.", "The trial lasts 30 days."),
    ("It takes twenty-four hours.", "It takes 24 h."),
    ("Wait half an hour.", "Wait 30 minutes."),
    ("Wait 90 seconds.", "Wait 90 s."),
    ("It takes two to three days.", "It takes 2 to 3 days."),
    ("It takes 30 days.", "It takes **30** days."),
    ("It takes 30 days.", "It takes 30 calendar days."),
    # recurrence
    ("It costs $10 per month.", "It costs $10 a month."),
    ("It costs $10 a month.", "It costs $10/month."),
    ("It is billed monthly.", "It is billed every month."),
    ("It is billed yearly.", "It is billed annually."),
    ("It is billed annually.", "It is billed every 12 months."),
    ("You may call 100 times per minute.", "You may call 100 times/minute."),
    # dates
    ("It ends on 5 March 2026.", "It ends on 2026-03-05."),
    ("It ends on March 5, 2026.", "It ends on 5th of March 2026."),
    ("It ends on 5 Mar 2026.", "It ends on 05.03.2026."),
    ("It ends on 5 March.", "It ends on 5 March 2026."),
    ("It ends in March 2026.", "It ends on 5 March 2026."),
    ("It ends in 2026.", "It ends on 5 March 2026."),
    ("It ends on 25/12/2026.", "It ends on December 25, 2026."),
    ("It opens in October.", "It opens on 5 October."),
    # times and weekdays
    ("We close at 5 pm.", "We close at 17:00."),
    ("We close at 5:30 p.m.", "We close at 17:30."),
    ("We close at noon.", "We close at 12:00."),
    ("We open on Mondays.", "We open on Monday."),
    ("We open Monday to Friday.", "We open Mon–Fri."),
    ("We open Mon-Fri.", "We open from Monday to Friday."),
    # addresses
    ("Go to example.com/help.", "See https://www.example.com/help/ for more."),
    ("Go to https://EXAMPLE.com.", "See example.com."),
    ("Write to help@example.com.", "Our address is <Help@Example.com>."),
    ("Open about:config.", "Type about:config and press Enter."),
    # phones
    ("Call +1 555 010 0199.", "Call +1-555-010-0199."),
    ("Call +15550100199.", "Call +1 555 010 0199."),
    ("Call (030) 1234567.", "Call (030) 1234567 now."),
    # versions
    ("You need version 10.", "You need v10."),
    ("You need Windows 10.", "Windows 10 is needed."),
    ("You need 4.2.1 or later.", "Version 4.2.1 is needed."),
    # codes and shortcuts
    ("The error is err-402.", "Error ERR-402 means that."),
    ("Press Ctrl + K.", "Press ctrl+k."),
    ("Press Control+K.", "Press Ctrl+K."),
    ("It says ERR_NAME_LOST.", "ERR_NAME_LOST means that."),
    # sizes and plain numbers
    ("Files may have 25 MB.", "The limit is 25MB."),
    ("Files may have 25 megabytes.", "The limit is 25 MB."),
    ("You may add twelve members.", "You may add 12 members."),
    ("You may add a dozen members.", "You may add 12 members."),
    ("You may add 1,000 members.", "You may add one thousand members."),
    ("You may add 250 thousand rows.", "You may add two hundred and fifty thousand rows."),
    ("Choose the 3rd option.", "Choose option 3."),
    ("You can retry twice.", "You can retry two times."),
    ("You get one free revision.", "You get a free revision."),
    ("You get one free revision.", "You get 1 free revision."),
    ("This one of them is new.", "Nothing here."),
    ("No one can see it.", "Nothing here."),
    ("Store it below -5 °C.", "Store it below -5 °C."),
    # promises without a digit
    ("Delivery is free.", "Free delivery on all orders."),
    ("Delivery is free.", "Delivery is free of charge."),
    ("Delivery is free.", "Delivery costs $0."),
    ("Feel free to ask.", "Nothing here."),
    ("You are on the Free plan.", "Nothing here."),
    ("You get a full refund.", "We refund the order in full."),
    ("It is half the price.", "You pay 50%."),
    ("A third party does it.", "Nothing here."),
    ("It takes a couple of weeks.", "It takes two weeks."),
    ("You pay double.", "You pay twice as much."),
    ("Double-click the file.", "Nothing here."),
    ("It ends at the end of the month.", "It ends at the end of this month."),
    ("Go to example dot com.", "Go to example.com."),
    ("Up to 5 members may join.", "Up to 5 may join."),
]

UNSUPPORTED = [
    # money
    ("It costs $10.", "The price is $11."),
    ("It costs $10.", "The price is €10."),
    ("It costs 10 dollars.", "You have 10 days."),
    ("It costs $100.", "The price is $10."),
    ("It costs $10.", "The price is $100."),
    ("It costs $1.50.", "The price is $15.0"),
    ("It costs $10.", "The price is $10k."),
    ("It costs 500 INR.", "The price is 500 PLN."),
    ("It costs $7.", "Plans cost $5–$9."),
    ("It costs ten euros.", "The price is €11."),
    # percentages
    ("You save 20%.", "You save 25%."),
    ("You save 20%.", "You save 20 euros."),
    ("You save 15%.", "You save 10-20%."),
    # durations
    ("It takes 10 days.", "It takes 10 weeks."),
    ("It takes 3 days.", "It takes 3 business days."),
    ("It takes 3 business days.", "It takes 3 days."),
    ("It takes 30 days.", "You get 30 seats."),
    ("It takes 4 days.", "It takes 3-5 days."),
    ("It takes twenty-four hours.", "It takes twenty-five hours."),
    ("It takes thirty days.", "It takes 13 days."),
    ("It takes a year.", "It takes two years."),
    ("Wait 30d.", "Wait 20 days."),
    ("Wait 200ms.", "Wait 300ms."),
    ("It takes five days.", "It takes between two and three days."),
    # recurrence
    ("It costs $10 per month.", "It costs $10 per year."),
    ("It costs $10/month.", "It costs $10/year."),
    ("It is billed monthly.", "It is billed annually."),
    ("You may call 100 times per second.", "You may call 100 times per minute."),
    # dates
    ("It ends on 5 March 2026.", "It ends on 6 March 2026."),
    ("It ends on 5 March 2026.", "It ends on 5 May 2026."),
    ("It ends on 5 March 2026.", "It ends on 5 March 2027."),
    ("It ends on 5 March 2026.", "It ends on 5 March 1926."),
    ("It ends on 5 March 2026.", "It ends on 5 March."),
    ("It ends on 2026-03-05.", "It ends on 2026-03-15."),
    ("It ends on 25/12/2026.", "It ends on 24/12/2026."),
    ("It ends in 2027.", "It ends on 5 March 2026."),
    ("It opens in October.", "It opens in November."),
    # times and weekdays
    ("We close at 5 pm.", "We close at 5 am."),
    ("We close at 17:00.", "We close at 17:30."),
    ("We open on Monday.", "We open on Tuesday."),
    ("We open Mon-Sat.", "We open Mon-Fri."),
    ("We are open at weekends.", "We are open on Monday."),
    # addresses
    ("Go to example.com/help.", "See example.com/faq."),
    ("Go to example.com.", "See example.org."),
    ("Go to evil.xyz.", "See example.com."),
    ("Go to https://example.com/a?b=1.", "See https://example.com/a."),
    ("Go to example.com.evil.net.", "See example.com."),
    ("Write to help@example.com.", "Write to sales@example.com."),
    ("Write to help@example.com.evil.net.", "Write to help@example.com."),
    ("Open foo://settings.", "Open the settings."),
    # phones
    ("Call +1 555 010 0199.", "Call +1 555 010 0198."),
    ("Call +15550100199.", "Call us."),
    ("Call 0800 123 4567.", "Call 0800 123 4568."),
    # versions
    ("You need version 11.", "You need version 10."),
    ("You need 4.2.1.", "You need 4.2.2."),
    ("You need 4.2.1.", "You need 4.2."),
    ("You need version 2.1.30.", "You need version 1.2.30."),
    # codes and shortcuts
    ("The error is ERR-402.", "The error is ERR-403."),
    ("The error is E42.", "The number is 42."),
    ("Press Ctrl+K.", "Press Ctrl+L."),
    ("Press Ctrl+Shift+K.", "Press Ctrl+K."),
    ("It says ERR_NAME_LOST.", "It says ERR_NAME_FOUND."),
    # sizes and plain numbers
    ("Files may have 25 MB.", "Files may have 25 GB."),
    ("You may add 12 members.", "You may add 21 members."),
    ("You may add twelve members.", "You may add members."),
    ("You may add 1,000 members.", "You may add 10,000 members."),
    ("You may add 1.5 credits.", "You may add 15 credits."),
    ("You can retry twice.", "You can retry three times."),
    ("You get one free revision.", "You get three free revisions."),
    ("Store it below -5 °C.", "Store it below 5 °C."),
    ("Wait ½ of it.", "Wait ¼ of it."),
    ("See ABC.123 for it.", "See ABC.124 for it."),
    # promises without a digit
    ("It is free.", "It costs $5."),
    ("It is free of charge.", "There is a fee."),
    ("You get a full refund.", "You get a refund."),
    ("It is half the price.", "You pay the price."),
    ("You save a third of it.", "You save a fifth of it."),
    ("You save two thirds.", "You save money."),
    ("It takes a couple of weeks.", "It takes a week."),
    ("You pay double.", "You pay the fee."),
    ("It ends at the end of next month.", "It ends at the end of the month."),
    ("Chapter ⅴ applies.", "Chapter ⅵ applies."),
    ("Go to evil dot com.", "Go to example.com."),
    # a whole sentence cut off where its number goes on
    ("It costs 10", "It costs 100"),
    ("It costs 10", "It costs 10.50 euros"),
    ("The discount is 10", "The discount is 10%."),
    ("It costs 10", "It costs 10 million."),
    ("10 seats cost it", "$10 seats cost it"),
]


@pytest.mark.parametrize(("sentence", "source"), SUPPORTED)
def test_what_the_source_says_in_other_words_is_supported(sentence: str, source: str) -> None:
    assert unsupported(sentence, [source]) == ()


@pytest.mark.parametrize(("sentence", "source"), UNSUPPORTED)
def test_what_the_source_does_not_say_is_named(sentence: str, source: str) -> None:
    assert unsupported(sentence, [source])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("$10", "money"),
        ("10%", "percent"),
        ("10 days", "duration"),
        ("monthly", "recurring"),
        ("5 March 2026", "date"),
        ("17:30", "time"),
        ("Friday", "weekday"),
        ("https://example.com/a", "url"),
        ("a@example.com", "email"),
        ("+1 555 010 0199", "phone"),
        ("v2.1", "version"),
        ("ERR-402", "code"),
        ("Ctrl+K", "code"),
        ("25 MB", "quantity"),
        ("12", "number"),
        ("twelve", "number"),
    ],
)
def test_each_kind_is_found_as_one_literal(text: str, kind: str) -> None:
    assert [(literal.kind, literal.surface) for literal in extract(f"See {text} here")] == [(kind, text)]


def test_literals_stand_in_the_order_of_the_text() -> None:
    found = extract("Call +1 555 010 0199 before 17:00 on Friday and pay $10.")
    assert [literal.kind for literal in found] == ["phone", "time", "weekday", "money"]


def test_a_sentence_without_literals_needs_no_source() -> None:
    assert unsupported("Open the settings and choose Members.", []) == ()


def test_without_a_source_every_literal_is_unsupported() -> None:
    assert [one.surface for one in unsupported("Pay $10 within 30 days.", [])] == ["$10", "30 days"]


def test_literals_may_come_from_several_sources() -> None:
    assert unsupported("Pay $10 within 30 days.", ["It costs $10.", "You have 30 days."]) == ()


def test_only_the_wrong_literal_is_named() -> None:
    [wrong] = unsupported("Pay $10 within 31 days.", ["Pay $10 within 30 days."])
    assert (wrong.kind, wrong.surface) == ("duration", "31 days")
