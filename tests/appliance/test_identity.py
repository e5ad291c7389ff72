"""Signed identities: what holds, what does not, and that nothing in a token chooses how it is checked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from appliance.customer_settings import Identity
from appliance.errors import ConfigInvalid, IdentityInvalid
from appliance.identity.claims import Verifier
from appliance.identity.opening import open_verifier

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
T = int(NOW.timestamp())
SECRET = "s3cret-of-the-host-page-and-ours-0123456789"
ISSUER, AUDIENCE = "https://shop.example", "support-appliance"
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "4711", "exp": T + 300}


def signed(payload: object, secret: str = SECRET, *, raw: bytes | None = None) -> str:
    text = json.dumps(payload).encode() if raw is None else raw
    head = "v1." + base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    return f"{head}.{hmac.new(secret.encode(), head.encode(), hashlib.sha256).hexdigest()}"


def verifier(tmp_path: Path, **settings: object) -> Verifier:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    opened = open_verifier(Identity.model_validate({"mode": "hmac", "secret_file": str(file), **settings}))
    assert opened is not None
    return opened


def jwt_verifier(tmp_path: Path, **settings: object) -> Verifier:
    return verifier(tmp_path, mode="jwt", issuer=ISSUER, audience=AUDIENCE, **settings)


def pem(private: Any, file: Path) -> str:
    file.write_bytes(
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return str(file)


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    return {
        "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }


def test_a_signed_identity_says_who_it_is(tmp_path: Path) -> None:
    payload = {"id": "4711", "email": "Ann@Example.org", "email_verified": True, "name": "Ann", "expires": T + 300}
    who = verifier(tmp_path).verify(signed(payload), NOW)
    assert (who.id, who.proven_email, who.name) == ("4711", "ann@example.org", "Ann")


def test_an_address_that_is_not_proven_identifies_nobody(tmp_path: Path) -> None:
    opened = verifier(tmp_path)
    assert opened.verify(signed({"id": "1", "email": "a@b.example", "expires": T + 9}), NOW).proven_email == ""
    with pytest.raises(IdentityInvalid, match="names nobody"):
        opened.verify(signed({"email": "a@b.example", "expires": T + 9}), NOW)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ({"id": "1"}, "expires"),
        ({"id": "1", "expires": T - 11}, "expired"),
        ({"id": "1", "expires": T + 90_000}, "longer"),
        ({"id": "1", "expires": str(T + 9)}, "number"),
        ({"id": "1", "expires": True}, "number"),
        ({"id": "1", "expires": 1e300}, "number"),
        ({"id": 1, "expires": T + 9}, "id"),
        ({"id": "", "expires": T + 9}, "names nobody"),
        ({"id": "a\u0000b", "expires": T + 9}, "control"),
        ({"id": "a\u202eb", "expires": T + 9}, "control"),
        ({"id": "x" * 256, "expires": T + 9}, "id"),
        ({"id": "1", "email": "no address", "expires": T + 9}, "email"),
        ({"id": "1", "email_verified": "yes", "expires": T + 9}, "email_verified"),
        ({"id": "1", "tier": "enterprise", "expires": T + 9}, "other keys"),
        ([], "object"),
        ("4711", "object"),
    ],
)
def test_what_does_not_hold_is_refused_with_the_reason(tmp_path: Path, payload: object, why: str) -> None:
    with pytest.raises(IdentityInvalid, match=why) as fault:
        verifier(tmp_path).verify(signed(payload), NOW)
    assert "4711" not in str(fault.value)
    assert "example" not in fault.value.message


def test_another_secret_and_a_changed_payload_are_refused(tmp_path: Path) -> None:
    opened = verifier(tmp_path)
    good = signed({"id": "1", "expires": T + 9})
    other = signed({"id": "2", "expires": T + 9})
    mixed = good.rsplit(".", 1)[0] + "." + other.rsplit(".", 1)[1]
    for token in (signed({"id": "1", "expires": T + 9}, "x" * 40), mixed, good.upper(), good[:-1], good + "0"):
        with pytest.raises(IdentityInvalid):
            opened.verify(token, NOW)


def test_the_secret_before_is_accepted_while_a_new_one_is_brought_out(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("o" * 40)
    opened = verifier(tmp_path, previous_secret_file=str(tmp_path / "old"))
    assert opened.verify(signed({"id": "1", "expires": T + 9}, "o" * 40), NOW).id == "1"
    assert opened.verify(signed({"id": "1", "expires": T + 9}), NOW).id == "1"


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda raw: signed(None, raw=raw)))
def test_no_text_whatever_gets_through_or_breaks_it(token: str) -> None:
    from appliance.identity.claims import Period
    from appliance.identity.hmac_signed import HmacVerifier
    from appliance.identity.jwt_signed import JwtVerifier, Key

    period = Period(10, 86_400)
    by_jwt = JwtVerifier(
        [Key("", SECRET.encode())], algorithm="HS256", issuer="i", audience="a", period=period, needs_jti=False
    )
    for opened in (HmacVerifier([SECRET.encode()], period), by_jwt):
        with pytest.raises(IdentityInvalid):
            opened.verify(token, NOW)


def test_json_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IdentityInvalid):
        verifier(tmp_path).verify(signed(None, raw=b"[" * 5_000), NOW)


def test_a_jwt_says_who_it_is(tmp_path: Path) -> None:
    token = jwt.encode({**CLAIMS, "email": "a@b.example", "email_verified": True, "plan": "gold"}, SECRET)
    who = jwt_verifier(tmp_path).verify(token, NOW)
    assert (who.id, who.proven_email) == ("4711", "a@b.example")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"exp": T - 11}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": T + 90_000}, "longer"),
        ({"exp": "soon"}, "exp"),
        ({"nbf": T + 60}, "nbf"),
        ({"iat": T + 60}, "iat"),
        ({"iss": "https://other.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": None}, "aud"),
        ({"sub": None}, "names nobody"),
        ({"sub": 4711}, "sub"),
    ],
)
def test_the_claims_of_a_jwt_are_checked(tmp_path: Path, change: dict[str, object], why: str) -> None:
    claims = {name: value for name, value in {**CLAIMS, **change}.items() if value is not None}
    token = jwt.api_jws.encode(json.dumps(claims).encode(), SECRET)
    with pytest.raises(IdentityInvalid, match=why):
        jwt_verifier(tmp_path).verify(token, NOW)


def test_the_token_does_not_choose_the_algorithm(tmp_path: Path, keys: dict[str, Any]) -> None:
    """alg none, HS256 with the public key as its secret, and another algorithm of the same family."""
    public = pem(keys["RS256"], tmp_path / "public.pem")
    opened = jwt_verifier(tmp_path, algorithm="RS256", public_key_file=public)
    body = base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).rstrip(b"=").decode()
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
    mac = hmac.new(Path(public).read_bytes(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    confused = f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    for token in (
        confused,
        f"{none}.{body}.",
        jwt.encode(CLAIMS, keys["RS256"], algorithm="RS512"),
        jwt.encode(CLAIMS, SECRET),
    ):
        with pytest.raises(IdentityInvalid):
            opened.verify(token, NOW)
    assert opened.verify(jwt.encode(CLAIMS, keys["RS256"], algorithm="RS256"), NOW).id == "4711"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_public_keys_verify_and_those_of_others_do_not(tmp_path: Path, keys: dict[str, Any], algorithm: str) -> None:
    opened = jwt_verifier(tmp_path, algorithm=algorithm, public_key_file=pem(keys[algorithm], tmp_path / "public.pem"))
    assert opened.verify(jwt.encode(CLAIMS, keys[algorithm], algorithm=algorithm), NOW).id == "4711"
    foreign = {
        "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
    }[algorithm]()
    with pytest.raises(IdentityInvalid, match="signature"):
        opened.verify(jwt.encode(CLAIMS, foreign, algorithm=algorithm), NOW)


def jwks(keys: dict[str, ed25519.Ed25519PrivateKey], file: Path) -> str:
    listed = [
        json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key())) | {"kid": kid} for kid, key in keys.items()
    ]
    file.write_text(json.dumps({"keys": listed}))
    return str(file)


def test_a_key_set_is_searched_by_kid(tmp_path: Path) -> None:
    own = {name: ed25519.Ed25519PrivateKey.generate() for name in ("old", "new")}
    opened = jwt_verifier(tmp_path, algorithm="EdDSA", jwks_file=jwks(own, tmp_path / "jwks.json"))
    for kid, key in own.items():
        assert opened.verify(jwt.encode(CLAIMS, key, algorithm="EdDSA", headers={"kid": kid}), NOW).id == "4711"
    with pytest.raises(IdentityInvalid):
        opened.verify(jwt.encode(CLAIMS, own["new"], algorithm="EdDSA", headers={"kid": "old"}), NOW)
    for headers in ({"kid": "unknown"}, {}, {"jku": "https://evil.example/jwks"}):
        with pytest.raises(IdentityInvalid):
            opened.verify(jwt.encode(CLAIMS, own["new"], algorithm="EdDSA", headers=headers), NOW)


@pytest.mark.parametrize(
    "settings",
    [
        {"algorithm": "ES256", "public_key_file": "public.pem"},
        {"algorithm": "RS256", "public_key_file": "private.pem"},
        {"algorithm": "EdDSA", "jwks_file": "secret"},
        {"algorithm": "RS256", "public_key_file": "missing.pem"},
        {"secret_file": "short"},
        {"secret_file": "missing"},
    ],
)
def test_keys_that_do_not_fit_are_refused_at_the_start(
    tmp_path: Path, keys: dict[str, Any], settings: dict[str, str]
) -> None:
    pem(keys["RS256"], tmp_path / "public.pem")
    (tmp_path / "private.pem").write_bytes(
        keys["RS256"].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (tmp_path / "short").write_text("too short")
    placed = {name: str(tmp_path / value) if name.endswith("file") else value for name, value in settings.items()}
    with pytest.raises(ConfigInvalid) as fault:
        jwt_verifier(tmp_path, **placed)
    assert "PRIVATE" not in str(fault.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "jwt"},
        {"mode": "jwt", "issuer": "i", "audience": "a", "algorithm": "RS256"},
        {"mode": "jwt", "issuer": "i", "audience": "a", "public_key_file": "k"},
        {"mode": "hmac", "replay_window_s": 60},
        {"mode": "jwt", "issuer": "i", "audience": "a", "algorithm": "none"},
    ],
)
def test_settings_that_leave_something_unchecked_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Identity.model_validate(settings)


def test_off_means_off_and_the_environment_may_hold_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_verifier(Identity()) is None
    monkeypatch.setenv("APPLIANCE_IDENTITY_SECRET", SECRET)
    opened = open_verifier(Identity(mode="hmac"))
    assert opened is not None
    assert opened.verify(signed({"id": "1", "expires": T + 9}), NOW).id == "1"
