from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.stats import ks_2samp
from worlds import DECAYED, MLP, make_draws, make_world

from genoaudit.training.gram import factor, quick_factor
from genoaudit.training.stacked.chunk import Pool
from genoaudit.training.stacked.program import Start
from genoaudit.training.stacked.training import train_stacked


def test_starts_drawn_through_a_root_have_the_law_of_starts_drawn_on_genes():
    world = make_world(rows=40, genes=120, models=300, uneven=False)
    pool = Pool(torch.as_tensor(world.gram), world.y)
    draws = make_draws(world, MLP)

    def scores(start):
        out = np.empty((300, 40))
        for models, logits in train_stacked(
            pool, world.members, network=MLP, descent=replace(DECAYED, steps=5), draws=replace(draws, start=start)
        ):
            out[models] = torch.log_softmax(logits, 2).numpy()[:, np.arange(40), world.y]
        return out

    def through(L, seed):
        rng = np.random.default_rng(seed)
        return lambda model: Start(L @ rng.normal(size=(L.shape[1], 24)) * np.sqrt(2 / 16), draws.start(model).weights)

    plain = scores(draws.start)
    for seed, root in enumerate((factor, quick_factor)):
        found = scores(through(root(world.gram), seed))
        members = world.members
        for one, other in (
            (plain[members], found[members]),
            (plain[~members], found[~members]),
            (plain.std(1), found.std(1)),
            (plain[:, 3] - plain[:, 7], found[:, 3] - found[:, 7]),
        ):
            # A few rows of a model share its start, so the larger samples are thinned to one row a model.
            thin = slice(None, None, max(1, one.size // 300))
            assert ks_2samp(one[thin], other[thin]).pvalue > 1e-3
    wrong = scores(through(1.5 * factor(world.gram), 9))
    assert ks_2samp(plain.std(1), wrong.std(1)).pvalue < 1e-3
