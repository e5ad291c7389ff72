"""From the settings to the verifier of signed identities. Keys come from files and the environment, and are looked at once, at the start."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from appliance.customer_settings import Identity
from appliance.errors import ConfigInvalid
from appliance.identity.claims import Period, Verifier
from appliance.identity.hmac_signed import HmacVerifier

SECRET = "APPLIANCE_IDENTITY_SECRET"  # noqa: S105 - the name of a variable
_LEAST_BYTES = 32
_RSA_BITS = 2048


def open_verifier(identity: Identity) -> Verifier | None:
    """None while identities are off. Raises ``ConfigInvalid``."""
    period = Period(identity.leeway_s, identity.longest_s)
    if identity.mode == "off":
        return None
    if identity.mode == "hmac":
        return HmacVerifier(secrets_of(identity), period)
    from appliance.identity.jwt_signed import JwtVerifier, Key

    keys = (
        [Key("", secret) for secret in secrets_of(identity)]
        if identity.algorithm == "HS256"
        else [Key(kid, value) for kid, value in _public_keys(identity)]
    )
    return JwtVerifier(
        keys,
        algorithm=identity.algorithm,
        issuer=identity.issuer,
        audience=identity.audience,
        period=period,
        needs_jti=identity.replay_window_s > 0,
    )


def secrets_of(identity: Identity) -> list[bytes]:
    """The shared secrets, the present one first; none where public keys are used. Raises ``ConfigInvalid``."""
    if identity.mode == "off" or (identity.mode == "jwt" and identity.algorithm != "HS256"):
        return []
    present = (
        _read(identity.secret_file, "secret_file").encode()
        if identity.secret_file
        else os.environ.get(SECRET, "").encode()
    )
    earlier = _read(identity.previous_secret_file, "previous_secret_file") if identity.previous_secret_file else ""
    for name, secret in (("secret_file", present), ("previous_secret_file", earlier.encode())):
        if (name == "secret_file" or secret) and len(secret) < _LEAST_BYTES:
            raise ConfigInvalid(
                f"identity.{name} holds a secret of fewer than {_LEAST_BYTES} characters, or none.",
                remedy=f"Make one with `openssl rand -hex 32`, in a file named by identity.{name} or in {SECRET}.",
            )
    return [secret for secret in (present, earlier.encode()) if secret]


def _public_keys(identity: Identity) -> list[tuple[str, Any]]:
    if identity.public_key_file:
        return [("", _fitting(identity, _pem(identity), "public_key_file"))]
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    text = _read(identity.jwks_file, "jwks_file")
    try:
        listed = json.loads(text)["keys"]
        keys = [(str(one.get("kid", "")), PyJWK(one, algorithm=identity.algorithm).key) for one in listed]
    except (PyJWTError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigInvalid(
            f"identity.jwks_file is no JSON Web Key Set for {identity.algorithm} ({type(error).__name__}).",
            remedy='It has the form {"keys": [{"kid": …, "kty": …, …}]} with public keys of that one algorithm.',
        ) from None
    if not keys or (len(keys) > 1 and len({kid for kid, _ in keys if kid}) < len(keys)):
        raise ConfigInvalid("identity.jwks_file needs keys with a kid of its own each.", remedy="Name each key.")
    return [(kid, _fitting(identity, key, "jwks_file")) for kid, key in keys]


def _pem(identity: Identity) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return load_pem_public_key(_read(identity.public_key_file, "public_key_file").encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigInvalid(
            "identity.public_key_file is no public key in PEM form.",
            remedy="Give the public half alone: openssl pkey -in private.pem -pubout.",
        ) from None


def _fitting(identity: Identity, key: Any, name: str) -> Any:
    """The key, when it is a public one of the algorithm's kind."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    fits = {
        "RS256": isinstance(key, rsa.RSAPublicKey) and key.key_size >= _RSA_BITS,
        "ES256": isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1),
        "EdDSA": isinstance(key, ed25519.Ed25519PublicKey),
    }
    if not fits.get(identity.algorithm):
        raise ConfigInvalid(
            f"identity.{name} holds another kind of key than {identity.algorithm} needs.",
            remedy="RS256: RSA of 2048 bits or more; ES256: P-256; EdDSA: Ed25519; public keys alone.",
        )
    return key


def _read(file: str, name: str) -> str:
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(
            f"identity.{name} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.",
            remedy="Check the path and its permissions.",
        ) from error
