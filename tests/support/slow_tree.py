"""A recipe slow enough for its worker to die in the middle, in a module that worker processes can import."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.tree import ExtraTreeClassifier


class SlowTree(ClassifierMixin, BaseEstimator):
    """A random tree whose fit takes a while and leaves a mark when it starts."""

    def __init__(self, starts=None, seconds=0.3, random_state=None):
        self.starts = starts
        self.seconds = seconds
        self.random_state = random_state

    def fit(self, X, y):
        (Path(self.starts) / uuid.uuid4().hex).touch()
        time.sleep(self.seconds)
        self.tree_ = ExtraTreeClassifier(max_depth=3, random_state=self.random_state).fit(X, y)
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return self.tree_.predict_proba(X)
