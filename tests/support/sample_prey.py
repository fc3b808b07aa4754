"""Patients under attack, made by hand: two samples each, the class in the first gene."""

import numpy as np

from genoaudit.cells.prey import Prey
from genoaudit.reconstruction.success import class_mean_guesses


def build_prey(patients=12, genes=30, targets=6):
    rng = np.random.default_rng(5)
    owners = np.repeat(np.arange(patients), 2)
    y = owners % 2
    X = 0.7 * rng.normal(size=(patients, genes))[owners] + 0.7 * rng.normal(size=(2 * patients, genes))
    X += rng.normal(size=(2 * patients, 1)) * rng.normal(size=genes)  # what profiles differ in most
    X[:, 0] = y
    members = np.arange(patients) < patients // 2
    chosen = np.arange(min(targets, patients // 2))
    rows = 2 * chosen
    return Prey(
        X=X,
        y=y,
        patients=owners,
        members=members,
        targets=chosen,
        rows=rows,
        row_of=2 * np.arange(patients),
        guesses=class_mean_guesses(X, y, owners)[rows],
        tolerance=np.full(genes, 0.1),
        genes=None,
        seed=3,
    )
