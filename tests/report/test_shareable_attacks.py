"""Attacks on the two files that may be shared, by somebody who wants to know of patients."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_report import build_report
from sample_summary import build_members, build_patients
from scipy.optimize import linprog

from genoaudit import AuditSection, RunOptions, audit_recipe, build_recipe, simulate_cohort
from genoaudit.report.disclosure import BASE, MINIMUM, PROTECTION, record_keys, rounded_count
from genoaudit.report.shareable import summarise_for_sharing

SEED = 918_273_645
RARE = ("rare-clinic", "type-9")


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """An audit of a cohort with a rare class and two rare sites, under identifiers that cannot be missed."""
    cohort = simulate_cohort(patients=120, genes=40, classes=3, seed=4)
    classes = (*cohort.classes, RARE[1])
    y = cohort.y.copy()
    y[cohort.patients < 8] = len(cohort.classes)  # eight patients, the fewest that a class may have
    site = np.where(cohort.patients % 2, "north-clinic", "south-clinic").astype(object)
    site[(cohort.patients > 20) & (cohort.patients < 27)] = RARE[0]
    ids = tuple(f"PATIENT-{number:04d}" for number in range(cohort.n_patients))
    samples = tuple(f"SAMPLE-{number:04d}" for number in range(cohort.n_samples))
    cohort = replace(
        cohort,
        y=y,
        classes=classes,
        patient_ids=ids,
        sample_ids=samples,
        source="st-marys.h5ad",
        obs=pd.DataFrame({"site": site}),
        notes=("6 patients of rare-clinic.",),
    )
    options = RunOptions(threads=1, cache=tmp_path_factory.mktemp("cache"))
    recipe = build_recipe("logistic", {}, scale=cohort.scale)
    settings = AuditSection(models=16, seed=SEED, attacks=("loss", "lira_fixed"))
    return audit_recipe(recipe, cohort, settings, options, groups=("site",))


@pytest.fixture(scope="module")
def files(result, tmp_path_factory):
    """The texts of the two files."""
    run = tmp_path_factory.mktemp("run") / "run"
    result.save(run)
    return {path.name: path.read_text(encoding="utf-8") for path in (run / "shareable").iterdir()}


@pytest.fixture(scope="module")
def summary(files):
    return json.loads(files["summary.json"])


def test_no_identifier_of_any_kind_stands_in_the_files(result, files):
    assert set(files) == {"summary.json", "summary.html"}
    for text in files.values():
        assert "PATIENT" not in text
        assert "SAMPLE" not in text
        assert not [name for name in result.patients["pseudonym"] if re.search(rf"\b{name}\b", text)]


def test_neither_seed_nor_source_nor_digest_nor_note_nor_hidden_name_stands_in_the_files(result, files):
    digest = result.report.cohort.sha256
    for text in files.values():
        for secret in (str(SEED), "st-marys", digest, digest[:8], "rare-clinic", "type-9"):
            assert secret not in text


def test_no_score_of_a_patient_stands_in_the_files(result, files):
    numbers = result.patients.select_dtypes("floating").to_numpy().ravel()
    numbers = np.unique(numbers[np.isfinite(numbers)])
    written = {f"{value:.{digits}f}" for value in numbers for digits in (3, 4, 5, 6)}
    written |= {f"{value:.{digits}g}" for value in numbers for digits in (4, 5, 6)}
    written = {text for text in written if len(text.lstrip("-0.")) >= 3}
    page = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", files["summary.html"], flags=re.DOTALL)
    for text in (files["summary.json"], page):
        told = set(re.findall(r"-?\d+\.\d+", text))
        # Beside guessing three decimals are told, of aggregates over all patients.
        assert not {number for number in told & written if abs(float(number) - 0.5) > 0.01}


def test_nobody_can_be_counted_off_or_indexed(summary):
    """There is no list of bare numbers, and so no membership, index or score in it."""

    def lists(value):
        if isinstance(value, dict):
            for item in value.values():
                yield from lists(item)
        elif isinstance(value, list):
            yield value
            for item in value:
                yield from lists(item)

    assert not [found for found in lists(summary) if any(isinstance(item, int | float) for item in found)]


def counts_told(summary):
    return {
        (variable["name"], value["name"]): value["patients"]
        for variable in summary["variables"]
        for value in variable["values"]
    }


def attack_by_linear_programme(summary, table, cell, *, exact=False):
    """Bound the patients of a cell from the summary alone, knowing who could be where but not how many are.

    Every count told lies within `BASE` - 1 of the truth on either side, and so does the number of patients; or an
    attacker knows what is told exactly, from elsewhere.
    """
    names = [name for name in table.columns if name.startswith("group: ")]
    combinations = table[names].drop_duplicates()
    rows, tops = [np.ones(len(combinations))], [len(table) if exact else summary["task"]["patients"]]
    for (variable, value), told in counts_told(summary).items():
        rows.append((combinations[f"group: {variable}"] == value).to_numpy(dtype=float))
        tops.append((table[f"group: {variable}"] == value).sum() if exact else told)
    matrix, told = np.array(rows), np.array(tops)
    own = np.zeros(len(combinations))
    for position, row in enumerate(combinations.itertuples(index=False)):
        own[position] = (table[names].to_numpy() == np.array(row)).all(axis=1)[cell].any()
    slack = 0 if exact else BASE - 1
    limits = [
        sign
        * linprog(sign * own, A_ub=np.vstack([matrix, -matrix]), b_ub=np.concatenate([told + slack, slack - told])).fun
        for sign in (1, -1)
    ]
    return tuple(limits)


@pytest.mark.parametrize("exact", [False, True])
def test_hidden_counts_cannot_be_recovered_from_the_summary(result, summary, exact):
    table = result.patients
    hidden = [
        (name, value)
        for name in table.columns
        if name.startswith("group: ")
        for value in set(table[name])
        if (name.removeprefix("group: "), value) not in counts_told(summary)
    ]
    assert {("group: class", "type-9"), ("group: site", "rare-clinic")} <= set(hidden)
    for name, value in hidden:
        cell = (table[name] == value).to_numpy()
        low, high = attack_by_linear_programme(summary, table, cell, exact=exact)
        assert low - 1e-6 <= cell.sum() <= high + 1e-6
        assert high - low >= PROTECTION


def test_nested_variables_give_nothing_away_by_difference():
    """A region less its large hospital would be its small one."""
    table = build_patients()[["patient_id", "pseudonym", "group: site"]]
    hospital = np.where(table["group: site"] == "north", "north A", "south A").astype(object)
    hospital[np.flatnonzero(table["group: site"] == "north")[:7]] = "north B"
    table = table.assign(
        **{"group: hospital": hospital, "group: site": np.where(hospital == "south A", "south", "north")}
    )
    told = json.loads(summarise_for_sharing(build_report(), table, build_members()).to_json())
    small = hospital == "north B"
    low, high = attack_by_linear_programme(told, table, small)
    assert high - low >= PROTECTION
    shown = counts_told(told)
    assert not {("site", "north"), ("hospital", "north A")} <= set(shown)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), patients=st.integers(40, 200))
def test_random_cohorts_keep_their_hidden_counts(seed, patients):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "patient_id": [f"id-{number}" for number in range(patients)],
            "pseudonym": rng.permutation(patients).astype(str),
            "group: class": rng.choice(list("abcde"), p=rng.dirichlet(np.ones(5)), size=patients),
            "group: site": rng.choice(list("xyz"), p=rng.dirichlet(np.ones(3)), size=patients),
        }
    )
    members = rng.random((1, patients)) < 0.5
    report = build_report(audit="release", exposure=None)
    told = json.loads(summarise_for_sharing(report, table, members).to_json())
    for name in ("class", "site"):
        for value in set(table[f"group: {name}"]):
            cell = (table[f"group: {name}"] == value).to_numpy()
            if (name, value) in counts_told(told):
                assert min((members[0] & cell).sum(), (~members[0] & cell).sum()) >= MINIMUM
            elif told["variables"] and any(variable["values"] for variable in told["variables"]):
                low, high = attack_by_linear_programme(told, table, cell)
                assert high - low >= PROTECTION


def candidates(before, after, slack):
    """Classes that one patient may have left, for all that counts with this much slack say."""

    def truths(told):
        return set(range(told - slack, told + slack + 1))

    stayed = {name: truths(before[name]) & truths(after[name]) for name in before.keys() & after.keys()}
    left = {name: truths(before[name]) & {count + 1 for count in truths(after[name])} for name in stayed}
    return {name for name in stayed if left[name] and all(stayed[other] for other in stayed if other != name)}


def test_a_patient_who_left_between_two_summaries_may_have_left_any_class():
    """Rounding to the nearest would tell: this is what rounding at random is for."""
    sizes = {"a": 52, "b": 53, "c": 58}
    labels = np.repeat(list(sizes), list(sizes.values()))
    rng = np.random.default_rng(1)

    def told(kept):
        keys = record_keys(f"{number} {rng.random()}" for number in range(labels.size))  # new pseudonyms in every run
        return {name: rounded_count((labels == name) & kept, keys) for name in sizes}

    def nearest(kept):
        return {name: 5 * round(int(((labels == name) & kept).sum()) / 5) for name in sizes}

    everybody = np.ones(labels.size, dtype=bool)
    revealed = 0
    for left in range(0, labels.size, 4):
        kept = np.arange(labels.size) != left
        assert candidates(told(everybody), told(kept), slack=BASE - 1) == set(sizes)
        revealed += candidates(nearest(everybody), nearest(kept), slack=BASE // 2) == {labels[left]}
    assert revealed > 0


def test_the_same_run_cannot_be_asked_again_until_the_rounding_averages_out(result):
    told = {result.share().to_json() for _ in range(3)}
    assert len(told) == 1


def test_the_auc_of_a_hidden_group_cannot_be_solved_for(result, summary):
    """The AUC over everybody mixes all pairs of groups; those across groups are unknown and leave a hidden one free."""
    overall = next(attack["auc"]["value"] for attack in summary["attacks"] if attack["name"] == summary["headline"])
    free = 0
    for variable in summary["variables"]:
        column = result.patients[f"group: {variable['name']}"]
        names = sorted(set(column))
        shares = np.array([(column == name).mean() for name in names])
        weights = np.outer(shares, shares).ravel()  # of members of one group against non-members of another
        bounds = [(0.0, 1.0)] * weights.size
        for value in variable["values"]:
            place, auc = names.index(value["name"]), value["auc"]["value"]
            bounds[place * len(names) + place] = (auc - 0.005, auc + 0.005)
        for place, name in enumerate(names):
            if name in RARE:
                own = (np.arange(weights.size) == place * len(names) + place).astype(float)
                known = {"A_ub": np.vstack([weights, -weights]), "b_ub": [overall + 0.005, 0.005 - overall]}
                low, high = (sign * linprog(sign * own, **known, bounds=bounds).fun for sign in (1, -1))
                assert high - low > 0.5
                free += 1
    assert free == 2


def test_differences_of_groups_would_give_a_hidden_group_away_and_are_not_told(result, summary):
    """Of two groups the difference of the one from the rest is the other's AUC."""
    text = json.dumps(summary)
    for absent in ("difference", "p_holm", "n_out", "score", "rank", "sha256"):
        assert f'"{absent}"' not in text
    assert any(group.difference.value is not None for group in result.report.groups)


def test_nobody_is_told_by_a_number_that_fewer_than_ten_stand_behind(result, summary):
    table = result.patients
    bands = summary["exposure"]["bands"]
    auc = table["auc"].to_numpy()
    for band in bands:
        low = -np.inf if band["auc"]["low"] is None else band["auc"]["low"]
        high = np.inf if band["auc"]["high"] is None else band["auc"]["high"]
        assert ((auc >= low) & (auc < high)).sum() >= MINIMUM
    members = result.design.members[:, np.argsort(np.argsort(table["patient_id"].to_numpy()))]
    for variable, value in counts_told(summary):
        own = (table[f"group: {variable}"] == value).to_numpy()
        inside = members[:, own].sum(axis=1)
        assert inside.min() >= MINIMUM
        assert own.sum() - inside.max() >= MINIMUM
