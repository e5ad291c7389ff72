"""What counts as resolved. An answer is not a resolution, so it is graded, each grade stricter in time than the one before.

- confirmed: the customer said so.
- assumed: confirmed, or the matter ended in an answer and the customer stayed silent for ``Windows.assumed``.
- durable: assumed, and nothing came back in the same conversation for ``Windows.durable``.
- recontact-adjusted: durable, and nobody with the same address opened another conversation of the same intent within ``Windows.recontact``.

Every function answers yes, no or None for "too early to say, or nothing was asked": such a ticket is in no rate,
neither above nor below the line, so that a busy last day looks neither better nor worse than it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

COURTESY = "route.courtesy"
"""The rule of a message that asks nothing ("thanks"): it neither opens a matter nor opens one again."""


@dataclass(frozen=True, slots=True)
class Windows:
    """How long silence must last. The one place where these are set."""

    assumed: timedelta = timedelta(hours=72)
    durable: timedelta = timedelta(days=7)
    recontact: timedelta = timedelta(days=7)


WINDOWS = Windows()


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the customer and how its run closed; ``closed_at`` None and ``outcome`` empty while it has not.

    ``intent_after`` and ``needed_person``: the newest word of an agent who looked, empty and None without one.
    """

    at: datetime
    outcome: str = ""
    rule: str = ""
    intent: str = ""
    closed_at: datetime | None = None
    intent_after: str = ""
    needed_person: bool | None = None

    @property
    def end(self) -> datetime:
        return self.closed_at or self.at


@dataclass(frozen=True, slots=True)
class Story:
    """One conversation as far as it can be counted: no word of it. ``turns`` oldest first, at least one.

    ``contact`` tells whether two conversations are the same person's; empty for somebody who left no address.
    """

    id: str
    turns: tuple[Turn, ...]
    contact: str = ""
    resolved: bool | None = None
    csat: int | None = None
    said_at: datetime | None = None
    gap: bool = False

    @property
    def opened(self) -> datetime:
        return self.turns[0].at

    @property
    def handed_over(self) -> bool:
        return any(turn.outcome == "handed_over" for turn in self.turns)


def needed_person(story: Story) -> bool | None:
    """Did the conversation need a person, by the word of agents who looked? One message that did is enough."""
    said = [turn.needed_person for turn in story.turns if turn.needed_person is not None]
    return any(said) if said else None


def matter(story: Story) -> tuple[Turn, ...]:
    """The turns that ask something."""
    return tuple(turn for turn in story.turns if turn.rule != COURTESY)


def category(story: Story) -> str:
    """The intent of the first turn that asks something; empty when it was never classified."""
    return next((turn.intent for turn in matter(story)), "")


def episode(story: Story, windows: Windows = WINDOWS) -> tuple[Turn, ...]:
    """The first matter with its follow-ups: what comes after a silence of ``windows.assumed`` is a return, not a follow-up."""
    found: list[Turn] = []
    for turn in matter(story):
        if found and turn.at - found[-1].end >= windows.assumed:
            break
        found.append(turn)
    return tuple(found)


def confirmed(story: Story) -> bool | None:
    """The customer said that it is solved."""
    return story.resolved is True if matter(story) else None


def assumed(story: Story, now: datetime, windows: Windows = WINDOWS) -> bool | None:
    """Confirmed, or answered and not contradicted for the window."""
    turns = episode(story, windows)
    if not turns or turns[-1].end + windows.assumed > now:
        return None
    if story.resolved is not None:
        return story.resolved
    return turns[-1].outcome == "answered"


def durable(story: Story, now: datetime, windows: Windows = WINDOWS) -> bool | None:
    """Assumed, and the conversation did not come back to it."""
    turns = episode(story, windows)
    if not turns or turns[-1].end + windows.durable > now:
        return None
    until = turns[-1].end + windows.durable
    back = any(turn.at <= until for turn in matter(story)[len(turns) :])
    return assumed(story, now, windows) is True and not back


def recontact_adjusted(story: Story, others: Iterable[Story], now: datetime, windows: Windows = WINDOWS) -> bool | None:
    """Durable, and the same person did not ask the like elsewhere. ``others`` may hold any stories, ``story`` itself too."""
    turns = episode(story, windows)
    if not turns or turns[-1].end + max(windows.durable, windows.recontact) > now:
        return None
    return durable(story, now, windows) is True and not _again(story, others, turns[-1].end + windows.recontact)


def resolved_at(story: Story) -> datetime | None:
    """When a confirmed ticket was solved: with the last answer before the customer's word, or, where a person solved it, with that word."""
    if story.resolved is not True or story.said_at is None:
        return None
    if story.handed_over:
        return story.said_at
    answers = [turn.end for turn in matter(story) if turn.outcome == "answered" and turn.end <= story.said_at]
    return answers[-1] if answers else story.said_at


def first_useful(story: Story) -> datetime | None:
    """When the first answer left; a greeting or a hand-over helps nobody yet."""
    return next((turn.end for turn in matter(story) if turn.outcome == "answered"), None)


def _again(story: Story, others: Iterable[Story], until: datetime) -> bool:
    if not story.contact:
        return False
    return any(
        other.id != story.id
        and other.contact == story.contact
        and category(other) == category(story)
        and story.opened < other.opened <= until
        for other in others
    )
