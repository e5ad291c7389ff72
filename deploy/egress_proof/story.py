"""The whole story, inside the box: install from wheels, start, import, ask by every channel, measure, train, restart.

Only the standard library is used here; everything else is the installed appliance, run as an operator would.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.egress_proof.channels import Appliance
from deploy.egress_proof.server import HOST, PORT, Server
from deploy.egress_proof.steps import Failed, Steps

ROOT = Path(__file__).resolve().parents[2]
MATERIAL = ROOT / "deploy/egress_proof/material"
QUESTIONS = ROOT / "tests/data/questions/saas.jsonl"
TICKETS = ROOT / "models/training/data/saas/heldout.csv"
INHERITED = {"HOME", "PATH", "LANG", "PWD", "SHLVL", "_", "LC_CTYPE"}
LANGUAGES = (
    "How long is the password reset link valid?",
    "Wie setze ich mein Passwort zurück?",
    "Comment puis-je réinitialiser mon mot de passe ?",
    "¿Cómo cambio mi contraseña?",
    "パスワードをリセットするにはどうすればいいですか",
    "كيف يمكنني إعادة تعيين كلمة المرور؟",
    "I was charged twice, look at http://ask.material.example/receipt.png and give me my money back!",
)
LEFT_OUT = {
    "models add": "needs the folder of a model of the catalogue, hundreds of megabytes, and only reads it",
    "webhooks retry": "there is no message that failed: nobody is told of anything by default",
    "webhooks test": "there is no webhook by default",
    "models train reranker": "needs torch, which an installation from the locked wheels does not have",
}
"""Commands that the story does not run, each with its reason. A test holds story and command line together."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the installed appliance is and what it works on."""

    venv: Path
    data: Path
    work: Path

    @property
    def python(self) -> Path:
        return self.venv / "bin/python"

    def appliance(self, *words: str | Path) -> list[str | Path]:
        """A command on the story's data directory."""
        return [self.venv / "bin/appliance", *words, "--data", self.data]


def story(steps: Steps, place: Place, wheels: Path) -> None:
    steps.do("the environment holds nothing of ours", clean_environment)
    steps.run("python -m venv", sys.executable, "-m", "venv", place.venv)
    steps.run("pip install --no-index", place.python, "-m", "pip", "install", "--no-index", "--no-compile",
              "--find-links", wheels, "support-appliance")  # fmt: skip
    if steps.failed:
        return  # nothing below could say anything about the appliance
    doctor = steps.run("doctor", *place.appliance("doctor", "--json"))
    steps.do("doctor lists the switches", lambda: switches(doctor))
    server = Server(place.appliance("up"), place.work, place.work / "up.log")
    steps.do("up", server.start)
    speak(steps, "reset-password")
    ask(steps, place)
    knowledge(steps, place)
    evaluate(steps, place)
    manage(steps, place)
    hosted(steps, place)
    train(steps, place)
    steps.do("kill -9", server.kill)
    steps.do("up after it was killed", server.start)
    speak(steps, "remote-images")
    steps.do("SIGTERM", server.stop)
    steps.run("kb rebuild", *place.appliance("kb", "rebuild", "--json"))
    steps.run("doctor at the end", *place.appliance("doctor", "--json"))


def clean_environment() -> str:
    if foreign := sorted(set(os.environ) - INHERITED):
        raise Failed(f"set from outside: {', '.join(foreign)}")
    return " ".join(f"{name}={value}" for name, value in sorted(os.environ.items()))


def switches(document: str) -> str:
    """What the doctor says of the switches and of the addresses that may be called."""
    found = {row["check"]: row for row in json.loads(document)}
    told = {name: found[name] for name in ("telemetry", "calls", "destinations", "egress")}
    if wrong := [row["detail"] for row in told.values() if not row["ok"]]:
        raise Failed(" ".join(wrong))
    return "\n".join(row["detail"] for row in told.values())


def speak(steps: Steps, article: str) -> None:
    """By every channel over HTTP. ``article``: the id of one whose page is read."""
    here = Appliance(HOST, PORT)
    for path in (
        "/",
        "/chat",
        "/embed",
        "/contact",
        "/widget.js",
        "/admin/login",
        f"/help/{article}",
        "/healthz",
        "/metrics",
    ):
        steps.do(f"GET {path}", lambda path=path: here.page(path))
    steps.do("chat, JSON", lambda: f"{here.open('chat')}; {here.say('How long is the password reset link valid?')}")
    steps.do(
        "chat, event stream", lambda: f"{here.open('chat')}; {here.stream('Can I get an invoice with a VAT number?')}"
    )
    steps.do(
        "chat, another language", lambda: f"{here.open('chat')}; {here.say('Wie ändere ich meine Rechnungsadresse?')}"
    )
    steps.do("a person is asked for", lambda: here.say("Let me talk to a person"))
    steps.do(
        "API, first message with the opening", lambda: here.open("api", "Is https://api.material.example/a.png down?")
    )
    steps.do("feedback", here.feedback)
    steps.do("the conversation", lambda: f"{len(here.messages())} messages")
    steps.do("contact form", lambda: here.form("How do I change the owner of our workspace?"))


def knowledge(steps: Steps, place: Place) -> None:
    imported = ("kb", "import", MATERIAL / "articles", MATERIAL / "articles.jsonl", "--json")
    steps.run("kb import", *place.appliance(*imported))
    steps.run("kb import once more", *place.appliance(*imported))
    held = steps.run("kb held", *place.appliance("kb", "held", "--json"))
    steps.do("an article with hidden text is held", lambda: is_held(held))
    steps.run("kb approve", *place.appliance("kb", "approve", "hidden-text", "--json"))
    steps.run("kb search", *place.appliance("kb", "search", "which battery does the sensor need", "--json"))
    steps.run("kb lint", *place.appliance("kb", "lint", "--json"))
    steps.run("kb gaps", *place.appliance("kb", "gaps", "--json"))
    steps.run("kb remove", *place.appliance("kb", "remove", "garden-gate", "--json"))


def is_held(document: str) -> str:
    if "hidden-text" not in document:
        raise Failed(f"not held: {document[:300]}")
    return "hidden-text"


def ask(steps: Steps, place: Place) -> None:
    for number, text in enumerate(LANGUAGES, 1):
        steps.run(f"ask {number}", *place.appliance("ask", text, "--json"))
    steps.run(
        "ask, from standard input",
        *place.appliance("ask", "-", "--tier", "enterprise"),
        given="Where is my data stored?",
    )


def evaluate(steps: Steps, place: Place) -> None:
    """In throw-away data directories, on small files."""
    appliance = place.venv / "bin/appliance"
    kb = ("--kb", MATERIAL / "articles.jsonl", "--kb", MATERIAL / "articles")
    questions = ("--questions", MATERIAL / "questions.jsonl", "--json")
    steps.run("eval retrieval", appliance, "eval", "retrieval", *kb, *questions)
    steps.run("eval answers", appliance, "eval", "answers", *kb, *questions, "--records", place.work / "records.jsonl")
    steps.run("eval guard", appliance, "eval", "guard", "--cases", MATERIAL / "guard.jsonl", "--json")
    steps.run("eval mask", appliance, "eval", "mask", "--cases", MATERIAL / "mask.json", "--json")
    steps.run("eval routing", appliance, "eval", "routing", "--profile", "saas", "--cases", TICKETS, "--json")
    categories = place.work / "categories.csv"
    categories.write_text(
        TICKETS.read_text("utf-8").replace("text,intent,urgency", "text,category,urgency", 1), "utf-8"
    )
    steps.run("eval intent", appliance, "eval", "intent", "--train", categories, "--test", categories,
              "--charts", place.work / "charts", "--json")  # fmt: skip


def manage(steps: Steps, place: Place) -> None:
    steps.run("customers look", *place.appliance("customers", "look", "enterprise@cli.invalid", "--json"))
    steps.run("handoffs", *place.appliance("handoffs", "--json"))
    steps.run("mail check", *place.appliance("mail", "check", "--json"))  # without a mailbox nobody is called
    steps.run("mail parse", *place.appliance("mail", "parse", MATERIAL / "mail.eml", "--json"))
    steps.run("report", *place.appliance("report", "--json"))
    here = Appliance(HOST, PORT)
    steps.do("a message to correct", lambda: here.open("api", "I was charged twice this month"))
    message = here.messages()[0]["id"] if here.ticket[0] else ""
    steps.run(
        "corrections add", *place.appliance("corrections", "add", message, "--intent", "billing_dispute", "--json")
    )
    steps.run("corrections list", *place.appliance("corrections", "list", "--json"))
    steps.run("corrections export", *place.appliance("corrections", "export", "--train", place.work / "corrected.csv"))
    made = steps.run("access add", *place.appliance("access", "add", "officer", "--role", "auditor", "--json"))
    steps.run("access list", *place.appliance("access", "list", "--json"))
    key = json.loads(made) if made else {"id": "", "key": ""}
    steps.do("the compliance officer's page", lambda: here.officer(key["key"]))
    steps.run("webhooks list", *place.appliance("webhooks", "list", "--json"))
    steps.run("webhooks failed", *place.appliance("webhooks", "failed", "--json"))
    steps.run("access revoke", *place.appliance("access", "revoke", key["id"]))
    steps.run("models list", *place.appliance("models", "list", "--json"))
    steps.run("models verify", *place.appliance("models", "verify", "--json"))


def hosted(steps: Steps, place: Place) -> None:
    """The fallback is off, as it is by default; its ledger and its switch are there all the same."""
    steps.run("egress status", *place.appliance("egress", "status", "--json"))
    steps.run("egress off", *place.appliance("egress", "off", "--why", "trying the switch"))
    steps.run(
        "egress on", *place.appliance("egress", "on", "--why", "trying the switch"), good=(1,)
    )  # refused: the settings have it off
    ledger = steps.run("egress ledger", *place.appliance("egress", "ledger", "--json"))
    steps.do("the ledger says that nothing left", lambda: nothing_left(ledger))
    steps.run("egress verify", *place.appliance("egress", "verify", "--json"))
    steps.run("egress export", *place.appliance("egress", "export", place.work / "ledger.jsonl"))
    steps.run(
        "egress reanchor", *place.appliance("egress", "reanchor", "--why", "trying it"), good=(1,)
    )  # refused: nothing is broken


def nothing_left(document: str) -> str:
    if left := json.loads(document):
        raise Failed(f"the ledger has {len(left)} requests: {document[:300]}")
    return "no request"


def train(steps: Steps, place: Place) -> None:
    steps.run("models train intent", *place.appliance("models", "train", "intent", "--train", TICKETS, "--json"))
    steps.run("models choose reranker", *place.appliance("models", "choose", "reranker", "--questions", QUESTIONS,
              "--kb", ROOT / "kb/starter/saas", "--json"))  # fmt: skip
    steps.run("models rollback reranker", *place.appliance("models", "rollback", "reranker", "--json"))
    steps.run(
        "models rollback intent", *place.appliance("models", "rollback", "intent", "--json"), good=(0, 1)
    )  # 1: the new heads were not better, so none were installed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--wheels", type=Path, required=True)
    parser.add_argument("--steps", type=Path, required=True)
    given = parser.parse_args()
    steps = Steps(given.steps, given.work)
    story(steps, Place(given.work / "venv", given.work / "data", given.work), given.wheels)
    return 1 if steps.failed else 0


if __name__ == "__main__":
    sys.exit(main())
