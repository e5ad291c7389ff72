"""Station 4: the passages that may answer, best first, and whether the best one probably does."""

from __future__ import annotations

from appliance.line.desk import Desk
from appliance.policy import Policy
from appliance.ticket import Classified, Decision, Identified, Retrieved
from kb.article import Candidate, Visibility


async def retrieve(desk: Desk, identified: Identified, classified: Classified, *, doubtful: bool) -> Retrieved:
    """Search what this customer may see today, let the second stage order it, and hold it against the floor. Raises ``Overloaded``."""
    visibility = Visibility(identified.audiences, desk.today(), _languages(desk.policy, classified))
    found = await desk.find(classified.question, classified.vector, visibility)
    if not found:
        return Retrieved(
            (), 0.0, Decision("retrieve", "retrieve.nothing", "No article that this customer may see came up.")
        )
    ranked, answerable = await desk.rank(classified.question, found)
    return Retrieved(
        tuple(ranked[: desk.keep]), answerable, _decide(desk.policy, ranked[0], answerable, doubtful=doubtful)
    )


def _languages(policy: Policy, classified: Classified) -> frozenset[str]:
    """Only articles in the customer's language may answer; one that names no language is in the profile's."""
    code = classified.language.code or policy.home
    return frozenset({code, ""}) if code == policy.home else frozenset({code})


def floor(policy: Policy, *, doubtful: bool) -> float:
    """The probability that the best passage must have; higher when the question looks foreign to this desk."""
    return policy.thresholds.answerable_when_foreign if doubtful else policy.thresholds.answerable


def _decide(policy: Policy, best: Candidate, answerable: float, *, doubtful: bool) -> Decision:
    least = floor(policy, doubtful=doubtful)
    words = f"the best passage, of {best.passage.article_id!r}, answers with probability {answerable:.2f} (floor {least:.2f})"
    if answerable < least:
        return Decision("retrieve", "retrieve.below_floor", f"Not covered: {words}.")
    return Decision("retrieve", "retrieve.found", f"Covered: {words}.")


def covered(retrieved: Retrieved) -> bool:
    return retrieved.decision.rule == "retrieve.found"
