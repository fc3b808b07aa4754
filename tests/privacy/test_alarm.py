import math

import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.privacy.accounting import guarantee
from genoaudit.privacy.alarm import Alarm, Comparison, alarm, claimed_epsilon
from genoaudit.privacy.curve import trade_off_curve
from genoaudit.privacy.gdp import epsilon_from_mu
from genoaudit.privacy.lower_bounds import LowerBound
from genoaudit.privacy.mechanism import Mechanism

RELATIONS = ("add/remove", "replace-one")


def bound(epsilon=3.0, kind="many_run", neighbouring="add/remove", delta=1e-3, significance=0.05):
    return LowerBound(epsilon, delta, significance, kind, neighbouring, trials=64, threshold="", note="")


def mechanism(noise=1.0, rate=0.1, steps=200, **changes):
    return Mechanism(1.0, noise, rate, steps, patients=300, **changes)


def test_it_rings_if_a_bound_exceeds_the_claim_and_only_then():
    below, equal, above = (alarm([bound(epsilon)], lambda _: 3.0) for epsilon in (2.9, 3.0, 3.1))
    assert (below.rings, equal.rings, above.rings) == (False, False, True)
    assert above == Alarm((Comparison(bound(3.1), 3.0),), 0.05)


def test_one_of_many_is_enough():
    found = alarm([bound(0.0), bound(5.0, "one_run"), bound(0.0)], lambda _: 4.0)
    assert [compared.exceeded for compared in found.comparisons] == [False, True, False]
    assert found.rings


@pytest.mark.parametrize("kind", ["one_run_fdp", "gdp_fit"])
def test_what_holds_for_gaussian_dp_alone_never_rings(kind):
    assert alarm([bound(50.0, kind)], lambda _: 0.1) == Alarm((), 0.0)


def test_nothing_to_compare_is_silence():
    assert not alarm([], lambda _: 0.0).rings


def test_no_claim_that_could_be_refuted_is_silence():
    found = alarm([bound(50.0)], lambda _: math.inf)
    assert not found.rings
    assert len(found.comparisons) == 1


def test_each_bound_meets_the_claim_of_its_own_relation_and_delta():
    claims = {("add/remove", 1e-3): 1.0, ("replace-one", 1e-3): 9.0, ("add/remove", 1e-5): 9.0}
    asked = [bound(), bound(neighbouring="replace-one"), bound(delta=1e-5)]
    found = alarm(asked, lambda one: claims[one.neighbouring, one.delta])
    assert [compared.exceeded for compared in found.comparisons] == [True, False, False]


def test_significances_add_up_over_kinds_and_relations_and_are_shared_within():
    shared = [bound(), bound(), bound(significance=0.02)]
    other = [bound(kind="one_run"), bound(neighbouring="replace-one", significance=0.01)]
    assert alarm([*shared, *other], lambda _: 9.0).level == pytest.approx(0.05 + 0.05 + 0.01)
    many = [bound(kind=kind, significance=0.6) for kind in ("many_run", "one_run")]
    assert alarm(many, lambda _: 9.0).level == 1


@pytest.mark.parametrize("mu", [0.3, 1.0, 3.0])
def test_without_subsampling_replacing_doubles_mu(mu):
    steps = 9
    once = mechanism(noise=math.sqrt(steps) / mu, rate=1.0, steps=steps)
    found = [claimed_epsilon([once], 1e-3, neighbouring=relation) for relation in RELATIONS]
    assert found == pytest.approx([epsilon_from_mu(mu, 1e-3), epsilon_from_mu(2 * mu, 1e-3)], rel=1e-3)


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize(
    "private", [mechanism(), mechanism(noise=2.0, rate=0.05), mechanism(noise=3.0, releases=(8.0, 8.0))]
)
def test_the_claim_is_what_the_trade_off_curve_says(private, relation):
    # Epsilon at delta is where no line 1 - delta - exp(epsilon) FPR lies above the curve (Dong et al. 2022).
    delta = 1e-3
    epsilon = claimed_epsilon([private], delta, neighbouring=relation)
    fpr = np.geomspace(1e-9, 1, 20_001)
    fnr = trade_off_curve([private], fpr, neighbouring=relation)
    assert (1 - np.exp(epsilon) * fpr - fnr).max() == pytest.approx(delta, rel=0.02)


def test_the_claim_of_adding_is_the_guarantee():
    assert claimed_epsilon([mechanism()], 1e-4, neighbouring="add/remove") == guarantee([mechanism()], 1e-4).epsilon


def test_a_monte_carlo_of_both_laws_agrees_with_the_claim_of_replacing():
    # delta(epsilon) = E[(1 - exp(epsilon - loss))+] under the first law, here by drawing the losses themselves.
    private, rng = mechanism(noise=1.5, rate=0.3, steps=5), np.random.default_rng(0)
    draws = private.noise_multiplier * rng.standard_normal((400_000, private.steps))
    draws += rng.random(draws.shape) < private.sampling_rate

    def density(sign):
        ratio = np.exp((sign * draws - 0.5) / private.noise_multiplier**2)
        return 1 - private.sampling_rate + private.sampling_rate * ratio

    loss = np.log(density(1) / density(-1)).sum(axis=1)
    delta = 0.01
    epsilon = claimed_epsilon([private], delta, neighbouring="replace-one")
    excess = np.maximum(1 - np.exp(epsilon - loss), 0)
    assert excess.mean() == pytest.approx(delta, abs=4 * excess.std() / math.sqrt(len(excess)))


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_where_nothing_is_promised_nothing_can_be_refuted(noise, relation):
    assert claimed_epsilon([mechanism(noise=noise)], 1e-3, neighbouring=relation) == math.inf


def test_an_unknown_relation_is_refused():
    with pytest.raises(ConfigError, match="'add/remove' or 'replace-one', found 'swap'"):
        claimed_epsilon([mechanism()], 1e-3, neighbouring="swap")
