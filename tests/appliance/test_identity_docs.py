"""The examples of docs/identity.md are run: what a host page copies is what the appliance takes."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.customer_settings import Identity
from appliance.identity.claims import Verified
from appliance.identity.opening import open_verifier

DOCS = (Path(__file__).parents[2] / "docs/identity.md").read_text("utf-8")
SECRET = "a-secret-that-is-long-enough-for-both-of-them"
USER = {"id": 4711, "email": "Ann@Example.org", "email_verified": True, "name": "Ann Ünï 日本"}


def example(language: str, name: str) -> str:
    [found] = [block for block in re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.M | re.S) if name in block]
    return str(found)


def python(name: str) -> Any:
    made: dict[str, Any] = {}
    exec(example("python", f"def {name}("), made)
    return made[name]


def verified(monkeypatch: pytest.MonkeyPatch, token: str, **settings: str) -> Verified:
    monkeypatch.setenv("APPLIANCE_IDENTITY_SECRET", SECRET)
    verifier = open_verifier(Identity.model_validate({"mode": "hmac", **settings}))
    assert verifier is not None
    return verifier.verify(token, datetime.now(UTC))


def is_ann(who: Verified) -> bool:
    return (who.id, who.proven_email, who.name) == ("4711", "ann@example.org", "Ann Ünï 日本")


def test_the_python_example_signs_what_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_ann(verified(monkeypatch, python("support_identity")(SECRET, USER)))


def test_the_jwt_example_signs_what_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    jwt = {"mode": "jwt", "issuer": "https://shop.example", "audience": "support-appliance"}
    assert is_ann(verified(monkeypatch, python("support_token")(SECRET, USER), **jwt))


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_node_example_signs_what_is_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    user = '{ id: 4711, email: "Ann@Example.org", emailVerified: true, name: "Ann Ünï 日本" }'
    (tmp_path / "run.mjs").write_text(
        f'{example("js", "supportIdentity")}\nprocess.stdout.write(supportIdentity("{SECRET}", {user}));\n'
    )
    done = subprocess.run(["node", tmp_path / "run.mjs"], capture_output=True, text=True, check=True, timeout=60)
    assert is_ann(verified(monkeypatch, done.stdout))


@pytest.mark.skipif(shutil.which("php") is None, reason="PHP is not installed")
def test_the_php_example_signs_what_is_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    user = "['id' => 4711, 'email' => 'Ann@Example.org', 'email_verified' => true, 'name' => 'Ann Ünï 日本']"
    (tmp_path / "run.php").write_text(
        f"{example('php', 'support_identity')}\necho support_identity('{SECRET}', {user});\n"
    )
    done = subprocess.run(["php", tmp_path / "run.php"], capture_output=True, text=True, check=True, timeout=60)
    assert is_ann(verified(monkeypatch, done.stdout))
