"""What may not be in a sentence that leaves, one file a reason. The station ``ground`` has their order.

``tone`` rewrites by rule before meaning is judged, so that what is checked is what leaves; the others say why not.
"""

from appliance.line.gates.form import malformed
from appliance.line.gates.leak import NOTHING_PRIVATE, Private
from appliance.line.gates.promises import promised
from appliance.line.gates.tone import Settled, apologises, settle

__all__ = ["NOTHING_PRIVATE", "Private", "Settled", "apologises", "malformed", "promised", "settle"]
