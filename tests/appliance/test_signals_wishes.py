"""The wish for a person is obeyed at once, so it must be heard in every wording, and heard in nothing else. Courtesy asks for nothing."""

from __future__ import annotations

import pytest

from appliance.line.signals.wishes import courtesy, wants_person

WISHES = (
    "I want to talk to a human",
    "can I speak to a person please",
    "Can I talk with someone?",
    "please connect me to an agent",
    "Connect me with a real person",
    "transfer me to a representative",
    "agent",
    "human please",
    "AGENT!!",
    "real person",
    "operator",
    "Let me speak to your manager",
    "I need to speak with a supervisor",
    "I'd like to talk to a real human being",
    "I would like to speak with customer service",
    "get me a human",
    "give me a person",
    "could I get a human on this?",
    "Is there a real person there?",
    "Is anyone there?",
    "is anybody real there",
    "I don't want to talk to a bot",
    "I do not want a bot",
    "stop the bot",
    "no more bots please",
    "someone call me please",
    "Can somebody phone me about this?",
    "please call me back",
    "hand me over to a colleague",
    "put me through to support staff",
    "pass me on to an engineer",
    "escalate this to a manager",
    "please escalate this to a human",
    "I prefer a human",
    "I want a real person to look at this",
    "Your answers do not help, let me talk to someone.",
    "this is useless, human now",
    "can you transfer this to a technician",
    "I want someone from your team to help me",
    "Can a human look at this?",
    "Could a real person please read my ticket?",
    "Is this a bot? I need a human.",
    "speak to agent",
    "talk to a live agent",
    "live chat with an agent please",
    "I want to chat with support team",
    "I need a person, not a machine",
    "Please have someone contact me",
    "Can someone from support get back to me?",
    "I'd rather speak to a human",
    "not a bot please, a person",
    "I want to open a ticket with a human agent",
    "forward me to your colleague",
    "can i have a human",
    "How can I speak to a human?",
    "How do I talk to a real person at your company?",
    "who can I talk to?",
    "Let me talk to a human.",
    "I demand to speak to a manager",
    "I asked for a person twice already",
    "Who do I talk to about a double charge?",
)

NO_WISHES = (
    "How do I add a person to my team?",
    "A person in my team cannot log in",
    "I don't need to talk to a person, just tell me the price",
    "How can I let customers talk to my agents?",
    "Where do my customers chat with an agent?",
    "I want to change the manager of a project",
    "I need a manager role for my colleague",
    "How do I remove an agent seat?",
    "Someone changed my password",
    "Somebody logged in to my account",
    "someone from my team left the company",
    "I need a representative sample of the data",
    "Can one person have two accounts?",
    "How many users can be a manager?",
    "The agent on my laptop does not start",
    "Which agent version is current?",
    "How do I install the monitoring agent?",
    "What does the operator role allow?",
    "I want to give a person access",
    "I want to invite a person",
    "We want to add another person to the plan",
    "I need a person's time report",
    "How much is it per person?",
    "Can an agent see private notes?",
    "Does the shop have a real person on the photo?",
    "My manager needs to approve it",
    "My manager wants a report",
    "I need to speak at a conference, can I export my slides?",
    "How can I talk to the API?",
    "Please connect me to the VPN",
    "Connect my account with Google",
    "transfer my account to another email",
    "transfer a project to another workspace",
    "forward an invoice to my accountant",
    "Can I chat in the app?",
    "Is there a chat bot for Slack?",
    "How do I turn off the bot in our channel?",
    "I don't want the bot to post in my channel",
    "The bot in our channel stopped posting",
    "Call forwarding does not work",
    "I need an agent token",
    "contact form is broken",
    "I want to contact a supplier through the app",
    "human resources export",
    "How do I talk to my team in the app?",
    "I would like to have a person removed from the invoice",
    "Escalate rules: how do I configure them?",
    "How do I escalate a task to a manager in the workflow?",
    "Can I assign a ticket to an agent?",
    "can I get an agent license",
    "How do visitors speak to an agent through our widget?",
    "I want to talk to my colleague in a comment",
    "I need someone's invoice",
    "someone else uses my seat",
    "Do I need to speak to a representative to change my PIN?",
    "Do I have to talk to someone to close an account?",
)


@pytest.mark.parametrize("text", WISHES)
def test_a_wish_for_a_person_is_heard(text: str) -> None:
    assert wants_person(text)


@pytest.mark.parametrize("text", NO_WISHES)
def test_a_mention_of_people_is_no_wish(text: str) -> None:
    assert not wants_person(text)


@pytest.mark.parametrize("text", WISHES[:6])
def test_case_and_surroundings_do_not_matter(text: str) -> None:
    assert wants_person(text.upper())
    assert wants_person(f"This did not work at all. {text} Thanks, Ann")


@pytest.mark.parametrize(
    "text",
    [
        "thanks",
        "Thank you so much!",
        "thanks a lot :)",
        "Great, thank you.",
        "ok thanks",
        "perfect",
        "It works now, thanks!",
        "Got it.",
        "many thanks",
        "Cheers!",
        "that helped, thank you",
    ],
)
def test_thanks_alone_are_thanks(text: str) -> None:
    assert courtesy(text) == "thanks"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("danke", "thanks"),
        ("Danke schön!", "thanks"),
        ("Merci beaucoup", "thanks"),
        ("ok merci", "thanks"),
        ("gracias", "thanks"),
        ("Bonjour, merci.", "thanks"),
        ("dank je wel", "thanks"),
        ("Obrigada!", "thanks"),
        ("ありがとうございます。", "thanks"),
        ("👍🏽", "thanks"),
        ("hola", "greeting"),
        ("Guten Tag", "greeting"),
        ("¡Buenos días!", "greeting"),
        ("Ciao", "greeting"),
        ("🤷", "greeting"),
        ("😀😀😀", "greeting"),
        ("Bonjour facture", ""),
        ("danke, aber es geht nicht", ""),
        ("ok", "thanks"),
        ("?", ""),
    ],
)
def test_courtesies_of_other_languages_and_pictures(text: str, kind: str) -> None:
    assert courtesy(text) == kind


@pytest.mark.parametrize("text", ["hi", "Hello there!", "Good morning", "hey team,", "Hi, good afternoon"])
def test_a_greeting_alone_is_a_greeting(text: str) -> None:
    assert courtesy(text) == "greeting"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "thanks, but it still fails",
        "Hi, my invoice is wrong",
        "thank you for your help, one more question",
        "hello world api",
        "it works on my phone only",
        "no thanks to you",
        "thanks " * 40 + "and?",
    ],
)
def test_whatever_asks_something_is_no_courtesy(text: str) -> None:
    assert courtesy(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "talk to " * 3_000,
        "a " * 10_000,
        "can my users " * 2_000,
        "no " * 10_000,
        "human " * 5_000,
        "thanks " * 17 + "x",
        " " * 20_000,
        "don't want to " * 2_000,
    ],
)
def test_long_messages_are_read_to_their_end(text: str) -> None:
    assert wants_person(text) in {True, False}
    assert courtesy(text) in {"", "thanks", "greeting"}
