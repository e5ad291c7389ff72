"""Literals: the parts of a sentence that are either right or wrong, and that a language model likes to invent.

``extract`` finds numbers, money, percentages, dates, times, durations, URLs, e-mail addresses, phone numbers, versions and codes, each brought to one
form whatever way it was written. ``unsupported`` compares a sentence with the passages that it cites;
``misbound`` asks whether its amounts stand there together, and of the same subject.
"""

from appliance.line.literals.check import Unsupported, misbound, unsupported
from appliance.line.literals.extract import Literal, extract

__all__ = ["Literal", "Unsupported", "extract", "misbound", "unsupported"]
