"""Nothing leaves: the environment switches that silence telemetry and hub look-ups in the libraries we use.

They work only when set before the library is imported: onnxruntime >= 1.29 sends telemetry by default and its own
Python switch does not stop it. So ``switch_off`` runs first, and every module that imports such a library does so
inside a function, after calling it. ``doctor`` shows ``SWITCHES`` and the result of ``check``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Switch:
    """One environment variable, the value that silences, and whom it silences."""

    name: str
    value: str
    silences: str


SWITCHES: tuple[Switch, ...] = (
    Switch("ORT_DISABLE_TELEMETRY", "1", "onnxruntime"),
    Switch("DO_NOT_TRACK", "1", "tools that follow the common convention"),
    Switch("VLLM_NO_USAGE_STATS", "1", "vLLM usage statistics"),
    Switch("VLLM_DO_NOT_TRACK", "1", "vLLM usage statistics"),
    Switch("VLLM_PLUGINS", "", "vLLM plug-ins found on the path"),
    Switch("HF_HUB_OFFLINE", "1", "Hugging Face hub look-ups"),
    Switch("TRANSFORMERS_OFFLINE", "1", "Hugging Face hub look-ups by transformers"),
    Switch("HF_DATASETS_OFFLINE", "1", "Hugging Face hub look-ups by datasets"),
    Switch("HF_HUB_DISABLE_TELEMETRY", "1", "Hugging Face hub telemetry"),
    Switch("HF_HUB_DISABLE_UPDATE_CHECK", "1", "Hugging Face hub version check"),
    Switch("HF_HUB_DISABLE_XET", "1", "Hugging Face transfer client"),
    Switch("DISABLE_SAFETENSORS_CONVERSION", "1", "transformers' conversion service"),
    Switch("OTEL_SDK_DISABLED", "true", "OpenTelemetry, unless a collector is configured"),
)

_COLLECTOR = "OTEL_EXPORTER_OTLP"
"""A variable of this prefix ending in ENDPOINT names a collector that the operator chose."""


def collectors(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Variable and address of each OpenTelemetry collector that the operator has named."""
    for name, value in sorted(environ.items()):
        if name.startswith(_COLLECTOR) and name.endswith("ENDPOINT") and value:
            yield name, value


def collector_configured(environ: MutableMapping[str, str] | None = None) -> bool:
    """Whether the operator has named an OpenTelemetry collector."""
    return any(collectors(os.environ if environ is None else environ))


def required(environ: MutableMapping[str, str] | None = None) -> tuple[Switch, ...]:
    """The switches that must be set here: all, less OpenTelemetry's where a collector is configured."""
    if not collector_configured(environ):
        return SWITCHES
    return tuple(switch for switch in SWITCHES if switch.name != "OTEL_SDK_DISABLED")


def switch_off(environ: MutableMapping[str, str] | None = None) -> None:
    """Set every required switch; what the environment said before is overruled. Idempotent, cheap."""
    env = os.environ if environ is None else environ
    for switch in required(env):
        env[switch.name] = switch.value


def check(environ: MutableMapping[str, str] | None = None) -> tuple[Switch, ...]:
    """The required switches that are not set as they should be; empty when nothing can leave by these ways."""
    env = os.environ if environ is None else environ
    return tuple(switch for switch in required(env) if env.get(switch.name) != switch.value)
