import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import optimize

from genoaudit import bounds as story
from genoaudit.bounds import FPRS, bounds
from genoaudit.errors import ConfigError
from genoaudit.privacy.gdp import epsilon_from_mu, gdp_advantage, gdp_auc, gdp_tpr
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.reconstruction_bound import reconstruction_bound
from genoaudit.reconstruction.law import correlation_cdf
from genoaudit.report.bounds_result import BoundsReport


def trained(noise=1.1, rate=0.08, steps=200, patients=400, releases=()):
    return Mechanism(1.0, noise, rate, steps, patients=patients, releases=releases)


@pytest.fixture(scope="module")
def usual():
    return bounds(trained(), 1e-4, genes=500)


@pytest.fixture(scope="module")
def vacuous():
    return bounds(trained(noise=1e-3), 1e-4, genes=500, samples_per_patient=3)


def test_gaussian_mechanism_in_every_currency():
    report = bounds(trained(noise=6.0, rate=1.0, steps=9), 1e-4, candidates=20)
    for risks, mu in zip(report.risks, (0.5, 1.0), strict=True):
        assert risks.epsilon == pytest.approx(epsilon_from_mu(mu, 1e-4), rel=1e-4)
        assert risks.advantage == pytest.approx(gdp_advantage(mu), rel=1e-4)
        assert risks.auc == pytest.approx(gdp_auc(mu), rel=1e-4)
        assert [rate.tpr for rate in risks.tpr_at_fpr] == pytest.approx(gdp_tpr(mu, np.array(FPRS)), rel=1e-4)
        for found in risks.ppv:
            tpr = float(gdp_tpr(mu, found.fpr))
            expected = found.prior * tpr / (found.prior * tpr + (1 - found.prior) * found.fpr)
            assert found.ppv == pytest.approx(expected, rel=1e-4)
    assert report.reconstruction.gamma == pytest.approx(float(gdp_tpr(0.5, 1 / 20)))


def test_claims_stand_beside_each_other_with_what_they_were_computed_with(usual):
    by_method = {claim.method: claim for claim in usual.claims}
    assert usual.epsilon == by_method["pld"].epsilon
    assert by_method["pld"].epsilon < by_method["rdp_improved"].epsilon < by_method["rdp_classic"].epsilon
    assert [claim.method for claim in usual.claims if claim.claimed] == ["pld"]
    assert by_method["pld"].discretisation > 0
    assert by_method["rdp_improved"].orders > 100
    assert by_method["rdp_classic"].best_order > 1


def test_prv_is_computed_on_request_only_and_agrees(usual):
    assert "prv" not in {claim.method for claim in usual.claims}
    prv = next(claim for claim in bounds(trained(), 1e-4, prv=True).claims if claim.method == "prv")
    assert prv.epsilon == pytest.approx(usual.epsilon, abs=0.02)


def test_reconstruction_is_bounded_cross_checked_and_set_against_guessing(usual):
    found = usual.reconstruction
    expected = reconstruction_bound(1 / 400, noise_multiplier=1.1, sampling_rate=0.08, steps=200)
    assert (found.candidates, found.kappa) == (400, 1 / 400)
    assert found.gamma == pytest.approx(expected)
    assert found.advantage == pytest.approx(expected - 1 / 400)
    assert found.edgeworth == pytest.approx(expected, rel=0.02)
    assert found.kappa < found.relaxed < found.gamma
    assert "Not part of what epsilon guarantees" in found.assumption


@pytest.mark.parametrize(("candidates", "releases"), [(10**9, ()), (10**5, (5.0,))])
def test_unreliable_reconstruction_bounds_are_refused_with_a_reason(candidates, releases):
    found = bounds(trained(releases=releases), 1e-4, candidates=candidates).reconstruction
    assert (found.gamma, found.advantage, found.edgeworth) == (None, None, None)
    assert "too small" in found.refused
    assert "below 0.0001" in found.edgeworth_refused


def test_releases_count_and_leave_no_cross_check():
    found = bounds(trained(releases=(5.0,)), 1e-4, candidates=100).reconstruction
    assert found.gamma > bounds(trained(), 1e-4, candidates=100).reconstruction.gamma
    assert (found.edgeworth, found.relaxed) == (None, None)


def test_replacing_is_easier_to_notice_than_adding(usual):
    adding, replacing = usual.under("add/remove"), usual.under("replace-one")
    assert adding.epsilon == usual.epsilon < replacing.epsilon
    assert adding.advantage < replacing.advantage
    assert np.all(np.array(adding.curve.tpr) <= np.array(replacing.curve.tpr))


def test_vacuous_is_said_without_a_privacy_loss_distribution(monkeypatch, vacuous):
    for name in ("risk_curve", "replacement_losses", "patient_losses", "replaced_patient", "group_epsilon"):
        monkeypatch.setattr(story, name, lambda *_, **__: pytest.fail("nothing is to be composed"))
    report = bounds(trained(noise=1e-3), 1e-4, genes=500, samples_per_patient=3)
    assert report == vacuous
    assert report.vacuous
    assert report.sample.vacuous
    assert report.sample.epsilon > 1000
    assert [claim.method for claim in report.sample.claims] == ["rdp_improved", "rdp_classic"]
    for risks in (*report.risks, *report.sample.risks):
        assert (risks.advantage, risks.auc) == (1, 1)
        assert {rate.tpr for rate in risks.tpr_at_fpr} == {1.0}
    assert (report.reconstruction.gamma, report.reconstruction.relaxed) == (1, None)
    assert (report.epsilon, report.claims) == (None, ())


def test_no_noise_is_no_epsilon_and_still_a_report():
    report = bounds(trained(noise=0.0), 1e-4, genes=100)
    assert (report.epsilon, report.vacuous) == (None, True)
    assert report.from_scratch.median_correlation == 1
    assert "NaN" not in report.to_json()


@pytest.mark.parametrize(("noise", "genes"), [(0.01, 2000), (0.1, 100), (1.0, 300)])
def test_median_correlation_is_that_of_the_law(noise, genes):
    found = bounds(trained(noise=noise, steps=1), 0.5, genes=genes).from_scratch
    profile = np.linspace(-1, 1, genes)
    low, high = found.median_correlation - 0.02, found.median_correlation + 0.02
    exact = optimize.brentq(
        lambda r: float(correlation_cdf(r, noise_multiplier=noise, profile=profile)) - 0.5, low, high
    )
    assert found.median_correlation == pytest.approx(exact, abs=1e-3)
    half = bounds(trained(noise=found.noise_for_half, steps=1), 0.5, genes=genes).from_scratch
    assert half.median_correlation == pytest.approx(0.5, abs=5e-3)


def test_median_error_is_that_of_simulated_reconstructions():
    found = bounds(trained(noise=0.2), 1e-4, genes=50).from_scratch
    rng = np.random.default_rng(0)
    profile = rng.normal(size=50)
    errors = (rng.normal(0, 0.2 * np.linalg.norm(profile), (4000, 50)) ** 2).mean(axis=1)
    assert found.median_mse == pytest.approx(np.median(errors) / np.mean(profile**2), rel=0.02)


@pytest.fixture(scope="module")
def sampled():
    return bounds(trained(noise=4.0), 1e-4, candidates=50, samples_per_patient=3)


def test_a_patient_with_several_samples_comes_first_and_is_protected_less(sampled):
    one = bounds(trained(noise=4.0), 1e-4, candidates=50)
    assert (sampled.mechanism.unit, sampled.mechanism.samples_per_patient) == ("sample", 3)
    assert (one.mechanism.unit, one.mechanism.samples_per_patient, one.sample) == ("patient", 1, None)
    # What holds for one sample is what would hold for a patient with one.
    assert {name: getattr(one, name) for name in type(sampled.sample).model_fields} == dict(sampled.sample)
    assert sampled.sample.epsilon < sampled.epsilon
    for relation in ("add/remove", "replace-one"):
        patient, sample = sampled.under(relation), sampled.sample.under(relation)
        assert sample.epsilon < patient.epsilon
        assert sample.auc < patient.auc
        assert np.all(np.array(sample.curve.tpr) <= np.array(patient.curve.tpr))
        assert all(low.ppv < high.ppv for low, high in zip(sample.ppv, patient.ppv, strict=True))


def test_a_patients_epsilon_is_that_of_the_mechanism_and_group_privacy_stands_beside_it(sampled):
    by_method = {claim.method: claim for claim in sampled.claims}
    assert list(by_method) == ["pld", "group_privacy"]
    assert sampled.epsilon == by_method["pld"].epsilon < by_method["group_privacy"].epsilon
    assert [claim.claimed for claim in sampled.claims] == [True, False]


def test_a_patient_is_picked_as_often_as_his_curve_says_without_a_cross_check(sampled):
    found = sampled.reconstruction
    at = dict(zip(sampled.under("add/remove").curve.fpr, sampled.under("add/remove").curve.tpr, strict=True))
    assert at[min(at, key=lambda fpr: abs(fpr - 0.02))] == pytest.approx(found.gamma, rel=0.1)
    assert found.gamma > sampled.sample.reconstruction.gamma
    assert (found.edgeworth, found.relaxed) == (None, None)
    assert "one sample alone" in found.edgeworth_refused
    refused = bounds(trained(noise=4.0), 1e-4, candidates=10**5, samples_per_patient=3).reconstruction
    assert refused.gamma is None
    assert "too small" in refused.refused


@pytest.mark.parametrize("size", [2, 5])
def test_without_subsampling_patients_have_the_closed_form_of_all_their_samples(size):
    report = bounds(trained(noise=30.0, rate=1.0, steps=9), 1e-4, samples_per_patient=size)
    for risks, mu in zip(report.risks, (size / 10, size / 5), strict=True):
        assert risks.epsilon == pytest.approx(epsilon_from_mu(mu, 1e-4), rel=1e-3)
        assert risks.advantage == pytest.approx(gdp_advantage(mu), rel=1e-3)


def test_what_is_vacuous_for_patients_need_not_be_for_samples():
    report = bounds(trained(noise=0.15), 1e-4, samples_per_patient=4)
    assert report.vacuous
    assert not report.sample.vacuous
    assert report.under("replace-one").auc == 1
    assert report.reconstruction.gamma == 1


def test_a_delta_that_lets_one_patient_be_published_is_warned_of():
    assert "not below 1 / 400" in bounds(trained(), 1 / 400).warnings[0]
    assert bounds(trained(), 1 / 4000).warnings == ()
    assert bounds(trained(patients=1), 0.1).warnings == ()


def test_the_same_mechanism_gives_the_same_strict_document(tmp_path, usual):
    (tmp_path / "bounds.json").write_text(usual.to_json())
    again = BoundsReport.read(tmp_path / "bounds.json")
    assert again.to_json() == usual.to_json() == bounds(trained(), 1e-4, genes=500).to_json()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"candidates": 1}, "--candidates must be at least 2, found 1"),
        ({"priors": (0.1, 1.0)}, "--prior must lie strictly between 0 and 1, found 1"),
        ({"priors": ()}, "--prior .* found none"),
        ({"genes": 2}, "--genes must be at least 3, found 2"),
        ({"samples_per_patient": 0}, "--samples-per-patient must lie between 1 and 64, found 0"),
        ({"delta": math.nan}, "delta must lie in"),
    ],
)
def test_impossible_arguments_are_one_clear_line(arguments, message):
    with pytest.raises(ConfigError, match=message) as caught:
        bounds(trained(), **({"delta": 1e-4} | arguments))
    assert "\n" not in str(caught.value)


def test_nothing_heavy_is_imported():
    code = (
        "import sys\nfrom genoaudit.calibrate import planned\nfrom genoaudit.bounds import bounds\n"
        "mechanism, delta = planned(epsilon=8, delta=1e-3, sample_rate=0.1, steps=300)\n"
        "bounds(mechanism, delta, genes=1000)\n"
        "loaded = [n for n in ('torch', 'opacus', 'pandas', 'sklearn', 'matplotlib', 'riskcal') if n in sys.modules]\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
