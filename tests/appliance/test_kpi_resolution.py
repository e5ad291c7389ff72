"""What counts as resolved: every grade, every way to lose it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from appliance.measures.resolution import (
    COURTESY,
    Story,
    Turn,
    assumed,
    category,
    confirmed,
    durable,
    episode,
    first_useful,
    recontact_adjusted,
    resolved_at,
)

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LATER = T0 + timedelta(days=30)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def turn(
    after: timedelta = timedelta(0), outcome: str = "answered", rule: str = "ground.supported", intent: str = "billing"
) -> Turn:
    at = T0 + after
    return Turn(at, outcome, rule, intent, at + timedelta(seconds=2) if outcome else None)


def story(*turns: Turn, **more: object) -> Story:
    return Story(id="s", turns=turns or (turn(),), **more)  # type: ignore[arg-type]


def test_an_answer_and_silence_is_assumed_and_durable() -> None:
    one = story()
    assert confirmed(one) is False
    assert assumed(one, LATER) is True
    assert durable(one, LATER) is True
    assert recontact_adjusted(one, [one], LATER) is True


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (2 * DAY, (None, None, None)),
        (4 * DAY, (True, None, None)),
        (8 * DAY, (True, True, True)),
    ],
)
def test_it_is_too_early_to_say_until_the_window_is_over(age: timedelta, expected: tuple[object, ...]) -> None:
    one, now = story(), T0 + age
    assert (assumed(one, now), durable(one, now), recontact_adjusted(one, [], now)) == expected


@pytest.mark.parametrize("outcome", ["handed_over", "refused", "needs_confirmation", ""])
def test_what_is_not_answered_is_not_assumed(outcome: str) -> None:
    assert assumed(story(turn(outcome=outcome)), LATER) is False
    assert durable(story(turn(outcome=outcome)), LATER) is False


def test_the_last_word_of_the_matter_decides() -> None:
    assert assumed(story(turn(), turn(HOUR, "handed_over")), LATER) is False
    assert assumed(story(turn(outcome="refused"), turn(HOUR)), LATER) is True


def test_the_customers_word_outweighs_silence() -> None:
    assert assumed(story(resolved=False), LATER) is False
    assert durable(story(resolved=False), LATER) is False
    solved_by_a_person = story(turn(outcome="handed_over"), resolved=True)
    assert confirmed(solved_by_a_person) is True
    assert assumed(solved_by_a_person, LATER) is True


def test_thanks_neither_counts_nor_reopens() -> None:
    thanks = turn(4 * DAY, rule=COURTESY)
    assert durable(story(turn(), thanks), LATER) is True
    only_hello = story(turn(rule=COURTESY))
    assert (confirmed(only_hello), assumed(only_hello, LATER), durable(only_hello, LATER)) == (None, None, None)
    assert first_useful(only_hello) is None


def test_a_question_after_the_window_is_a_return_not_a_follow_up() -> None:
    follow_up, back = turn(2 * DAY), turn(6 * DAY)
    assert len(episode(story(turn(), follow_up))) == 2
    assert len(episode(story(turn(), back))) == 1
    assert assumed(story(turn(), back), LATER) is True
    assert durable(story(turn(), back), LATER) is False
    assert durable(story(turn(), turn(8 * DAY)), LATER) is True


@pytest.mark.parametrize(
    ("after", "intent", "contact", "kept"),
    [
        (2 * DAY, "billing", "ann@example.org", False),
        (2 * DAY, "login", "ann@example.org", True),
        (2 * DAY, "billing", "bob@example.org", True),
        (9 * DAY, "billing", "ann@example.org", True),
        (-2 * DAY, "billing", "ann@example.org", True),
    ],
)
def test_the_same_question_by_the_same_person_takes_it_back(
    after: timedelta, intent: str, contact: str, kept: bool
) -> None:
    first = story(contact="ann@example.org")
    other = Story(id="other", turns=(turn(after, intent=intent),), contact=contact)
    assert recontact_adjusted(first, [first, other], LATER) is kept
    assert durable(first, LATER) is True


def test_strangers_are_never_taken_for_each_other() -> None:
    assert recontact_adjusted(story(), [Story(id="other", turns=(turn(DAY),))], LATER) is True


def test_when_it_was_solved() -> None:
    said = T0 + 5 * HOUR
    answered = story(turn(), turn(HOUR), turn(6 * HOUR), resolved=True, said_at=said)
    assert resolved_at(answered) == T0 + HOUR + timedelta(seconds=2)
    assert resolved_at(story(turn(outcome="handed_over"), resolved=True, said_at=said)) == said
    assert resolved_at(story(resolved=False, said_at=said)) is None
    assert resolved_at(story()) is None


def test_the_category_is_that_of_the_first_question() -> None:
    assert category(story(turn(rule=COURTESY, intent="greeting"), turn(HOUR, intent="login"))) == "login"
    assert category(story(turn(intent=""))) == ""
