import math

import pytest
from sample_reconstruct import BUDGETS, build_reconstruct

from genoaudit.report.reconstruct_table import shown_rows, tidy


@pytest.fixture(scope="module")
def report():
    return build_reconstruct()


def test_every_number_has_its_row_with_its_interval(report):
    table = tidy(report)
    cell = report.cells[3]
    own = table[table["name"] == cell.name].set_index(["attack", "network", "measure"])
    for one in cell.recoveries:
        assert own.loc[(one.attack, one.network, "pearson"), "value"] == one.pearson
        row = own.loc[(one.attack, one.network, "success")]
        assert (row["value"], row["low"], row["high"]) == (one.success.value, one.success.low, one.success.high)
    assert own.loc[("prior_aware", "trained", "bound"), "value"] == cell.identification.bound
    assert own.loc[("membership", "", "auc"), "low"] == cell.auc.low
    assert own.loc[("", "", "accuracy"), "value"] == cell.accuracy.value
    assert not (own.index.get_level_values("measure") == "sex_right").any()
    assert not table.duplicated(["name", "attack", "network", "measure"]).any()


def test_no_protection_has_no_budget_and_nothing_measured_has_no_row(report):
    table = tidy(report)
    assert set(table[table["budget"].isna()]["name"]) == {"mlp/none/seed=0", "softmax/none/seed=0"}
    bare = tidy(build_reconstruct(models=0))
    assert not {"accuracy", "auc"} & set(bare[bare["attack"].isin(["", "membership"])]["measure"])
    assert list(tidy(build_reconstruct(cells=())).columns) == list(table.columns)


def test_budgets_rise_and_no_protection_comes_last():
    rows = shown_rows(build_reconstruct(budgets=tuple(reversed(BUDGETS))))
    assert [row.budget for row in rows] == [*BUDGETS, *BUDGETS]
    assert [row.recipe for row in rows] == ["mlp"] * 8 + ["softmax"] * 8


def test_several_seeds_are_averaged_with_their_range():
    report = build_reconstruct(seeds=(0, 1, 2), recipes=("mlp",))
    row = shown_rows(report)[6]
    found = [cell.recovery("analytic", "fresh").pearson for cell in report.cells if cell.budget == 1e12]
    assert math.isclose(row.value("analytic"), sum(found) / 3)
    assert (row.numbers["analytic"].low, row.numbers["analytic"].high) == (min(found), max(found))
    assert row.numbers["informed"].value is None
