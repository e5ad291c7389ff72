"""An opened classifier, asked for arrays as fitted heads are: what serves is then what is measured."""

from __future__ import annotations

import numpy as np

from models.roles import URGENCIES, Features, IntentClassifier
from models.training.calibration import Array


class Served:
    """Columns of the first array are ``intents``, as in ``FittedHeads.predict``."""

    def __init__(self, classifier: IntentClassifier) -> None:
        self._classifier = classifier
        self.intents = tuple(classifier.intents)

    def predict(self, features: Features) -> tuple[Array, Array, Array]:
        """Probabilities of intents (n, k), the best urgency's probability in its column (n, 4), out-of-scope scores (n,)."""
        found = self._classifier.classify(features)
        column = {name: at for at, name in enumerate(self.intents)}
        intents = np.zeros((len(found), len(column)), dtype=np.float32)
        urgencies = np.zeros((len(found), len(URGENCIES)), dtype=np.float32)
        for row, one in enumerate(found):
            urgencies[row, URGENCIES.index(one.urgency)] = one.urgency_confidence
            for name, probability in one.ranking:
                intents[row, column[name]] = probability
        return intents, urgencies, np.array([one.out_of_scope for one in found], dtype=np.float32)
