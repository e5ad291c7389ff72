"""Masking of personal data: find, replace by placeholders, look again, restore."""

from appliance.egress.masking.found import Found
from appliance.egress.masking.masker import Masker, open_masker
from appliance.egress.masking.session import MaskSession

__all__ = ["Found", "MaskSession", "Masker", "open_masker"]
