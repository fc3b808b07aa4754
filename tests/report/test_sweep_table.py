import math

import numpy as np
import pandas as pd
import pytest
from sample_sweep import CROWD, build_sweep

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.sweep_result import SweepReport
from genoaudit.report.sweep_table import averaged, exposure_measure, shown_rows, tidy


@pytest.fixture(scope="module")
def sweep():
    return build_sweep()


@pytest.fixture(scope="module")
def of_three_seeds():
    return build_sweep(seeds=(0, 1, 2))


def test_there_is_one_row_per_cell_in_order(sweep):
    table = tidy(sweep)
    assert table["name"].tolist() == [cell.name for cell in sweep.cells]
    pd.testing.assert_frame_equal(sweep.table, table)


def test_every_number_stands_with_the_ends_of_its_interval(sweep):
    for cell, (_, row) in zip(sweep.cells, tidy(sweep).iterrows(), strict=True):
        worst = {part.k: part.auc for part in cell.worst}
        parts = {
            "accuracy": cell.accuracy,
            "accuracy_loss": cell.accuracy_loss,
            "auc": cell.leakage.auc,
            "advantage": cell.leakage.advantage,
            "worst1_auc": worst[1],
            "worst5_auc": worst[5],
            "canary_auc": cell.canaries.auc,
        }
        for name, found in parts.items():
            assert (row[name], row[f"{name}_low"], row[f"{name}_high"]) == (found.value, found.low, found.high)
        at_10, at_1, _ = cell.leakage.tpr_at_fpr
        assert (row["tpr_at_10"], row["tpr_at_10_low"], row["tpr_at_10_resolvable"]) == (at_10.tpr, at_10.low, True)
        assert (row["tpr_at_1"], row["tpr_at_1_high"], row["tpr_at_1_resolvable"]) == (at_1.tpr, at_1.high, False)


def test_a_number_that_is_not_there_is_nan_and_columns_keep_their_types(sweep):
    table, empty = tidy(sweep), tidy(build_sweep(cells=(), comparisons=()))
    none, private = table[table["mitigation"] == "none"].iloc[0], table[table["mitigation"] == "dp"].iloc[0]
    assert math.isnan(none["epsilon"])
    assert none["vacuous"] is pd.NA
    assert (private["epsilon"], private["accountant"], private["vacuous"], private["end_to_end"]) == (
        *(1.0, "pld"),
        *(False, False),
    )
    assert table["canary_auc"].dtype == empty["canary_auc"].dtype == np.float64
    assert list(empty.columns) == list(table.columns)
    assert tidy(build_sweep(canaries=False))["canary_auc"].isna().all()


def test_the_table_survives_a_parquet_file(sweep, tmp_path):
    tidy(sweep).to_parquet(tmp_path / "x.parquet", index=False)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "x.parquet"), tidy(sweep))


def test_averages_are_those_of_a_slow_loop_over_seeds(of_three_seeds):
    table = averaged(of_three_seeds)
    assert len(table) == len(of_three_seeds.cells) / 3
    for _, row in table.iterrows():
        same = [cell for cell in of_three_seeds.cells if (cell.recipe, cell.title) == (row["recipe"], row["title"])]
        assert row["seeds"] == len(same) == 3
        accuracies = [cell.accuracy.value for cell in same]
        assert row["accuracy"] == pytest.approx(sum(accuracies) / 3)
        assert (row["accuracy_min"], row["accuracy_max"]) == (min(accuracies), max(accuracies))
        assert row["on_frontier"] == pytest.approx(sum(cell.on_frontier for cell in same) / 3)
        if same[0].guarantee is not None:
            assert row["vacuous"] == any(cell.guarantee.vacuous for cell in same)


def test_rows_come_as_no_protection_then_budgets_then_the_others(sweep):
    shown = [(row.recipe, row.mitigation) for row in shown_rows(sweep)]
    reversed_cells = sweep.model_copy(update={"cells": sweep.cells[:16][::-1]})
    rows = shown_rows(reversed_cells)
    assert rows[0].mitigation == "none"
    assert [row.epsilon for row in rows[1:9]] == [1, 8, 32, 120, 1e3, 1e6, 1e9, 1e12]
    assert [mitigation for _, mitigation in shown[9:16]] == [
        *("l2", "l2", "l2"),
        *("dropout", "label_smoothing", "rounding", "label_only"),
    ]
    assert {recipe for recipe, _ in shown[:16]} == {"mlp"}


def test_a_row_of_one_seed_has_intervals_and_of_several_the_range(sweep, of_three_seeds):
    one, several = shown_rows(sweep)[2], shown_rows(of_three_seeds)[2]
    assert one.numbers["auc"] == sweep.cells[2].leakage.auc
    found = several.numbers["accuracy"]
    assert (found.low, found.high) == pytest.approx((found.value - 0.004, found.value + 0.004))
    assert several.seeds == 3
    assert several.delta == one.delta


def test_no_protection_costs_nothing_and_has_no_interval(sweep):
    assert shown_rows(sweep)[0].loss == Estimate(0.0, None, None)


def test_one_measure_is_taken_for_all(sweep):
    rows = shown_rows(sweep)
    assert exposure_measure(rows) == "worst5_auc"
    first = sweep.cells[0].model_copy(update={"worst": ()})
    assert exposure_measure(shown_rows(sweep.model_copy(update={"cells": (first, *sweep.cells[1:])}))) == "auc"
    assert exposure_measure(()) == "auc"


def test_a_report_read_back_gives_the_same_table_to_six_digits():
    sweep = build_sweep(others=CROWD)
    again = SweepReport.model_validate_json(sweep.to_json())
    pd.testing.assert_frame_equal(again.table, sweep.table, rtol=1e-5)
    assert again.to_json() == sweep.to_json()
