"""``appliance eval mask``: is what is personal masked before a text may leave?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.console import print_facts, print_json
from appliance.cli.options import Data, Json, Profile, Settings, settings
from appliance.egress.masking import open_masker
from appliance.evaluation.mask import measure, read_mask_cases
from appliance.model_set import open_name_tagger
from appliance.policy import load_policy


def mask(
    *,
    cases: Annotated[Path, typer.Option("--cases", help="JSON array of texts with labelled spans.")],
    profile: Profile = None,
    data: Data = None,
    config: Settings = None,
    json: Json = False,
) -> None:
    """Is what is personal masked? Recall and precision by type; types that are left on purpose are named with the reason."""
    given = read_mask_cases(cases)
    chosen = settings(config, data, profile)
    policy = load_policy(chosen.profile)
    masker = open_masker(policy.masking, open_name_tagger(chosen), keep=(policy.company,))
    figures = measure(masker, given, clock=time.perf_counter)
    print_json(figures) if json else print_facts("Masking", figures)
