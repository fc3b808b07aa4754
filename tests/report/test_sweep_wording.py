import pytest
from sample_sweep import build_sweep, comparison

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.sweep_table import shown_rows
from genoaudit.report.sweep_wording import (
    comparison_sentence,
    epsilon_label,
    guarantee_text,
    is_cheap,
    reading_of,
    short_name,
    sweep_answer,
)


@pytest.fixture(scope="module")
def sweep():
    return build_sweep(recipes=("mlp",))


def said(sweep):
    return " ".join(sweep_answer(sweep).sentences).replace("\N{NO-BREAK SPACE}", " ")


def test_the_answer_names_what_is_cheap_and_what_dp_does(sweep):
    text = said(sweep)
    assert "9 of 14 protections cost at most 1 point of accuracy" in text
    assert "they leave from 55 % (DP, epsilon 1e6) to all (Label smoothing, 0.1)" in text
    assert "ε 1 leaves 0.53 (59 points of accuracy lost)" in text
    assert "promises nothing (here ε 1e6, ε 1e9, ε 1e12)" in text
    assert "None of the DP guarantees covers the whole pipeline" in text


def test_less_is_said_to_be_clear_only_if_the_intervals_do_not_overlap(sweep):
    wide = [
        cell.model_copy(
            update={
                "worst": tuple(
                    part.model_copy(update={"auc": Estimate(part.auc.value, 0.3, 1.0)}) for part in cell.worst
                )
            }
        )
        for cell in sweep.cells
    ]
    answer = sweep_answer(sweep.model_copy(update={"cells": tuple(wide)}))
    assert answer.tone == "exposed"
    assert answer.heading.startswith("No protection that keeps accuracy within 1 point clearly lowers")


def test_without_a_cell_without_protection_nothing_is_compared(sweep):
    answer = sweep_answer(sweep.model_copy(update={"cells": sweep.cells[1:]}))
    assert answer.tone == "unknown"


def test_nothing_is_said_of_budgets_where_there_are_none(sweep):
    cells = tuple(cell for cell in sweep.cells if cell.mitigation != "dp")
    text = said(sweep.model_copy(update={"cells": cells, "comparisons": ()}))
    assert "DP" not in text
    assert "7 protections" in text


def test_all_guarantees_covering_the_pipeline_is_not_complained_about(sweep):
    whole = tuple(
        cell.model_copy(update={"guarantee": cell.guarantee and cell.guarantee.model_copy(update={"end_to_end": True})})
        for cell in sweep.cells
    )
    assert "pipeline" not in said(sweep.model_copy(update={"cells": whole}))
    one = (*whole[:1], sweep.cells[1], *whole[2:])
    assert "1 of the DP guarantees does not cover" in said(sweep.model_copy(update={"cells": one}))


def test_a_point_of_accuracy_is_the_limit_of_cheap(sweep):
    def with_loss(lost):
        cell = sweep.cells[9].model_copy(update={"accuracy_loss": Estimate(lost, None, None)})
        return shown_rows(sweep.model_copy(update={"cells": (cell,)}))[0]

    assert is_cheap(with_loss(0.01))
    assert is_cheap(with_loss(-0.3))
    assert not is_cheap(with_loss(0.0101))
    assert not is_cheap(with_loss(None))


def test_a_promise_is_rounded_upwards_and_a_budget_said_as_asked_for(sweep):
    guarantee = sweep.cells[2].guarantee
    for epsilon, text in ((7.9812, "ε 7.99"), (8.0, "ε 8"), (123.4, "ε 124"), (9.99e8, "ε 9.99e8"), (0.0, "ε 0")):
        cell = sweep.cells[2].model_copy(update={"guarantee": guarantee.model_copy(update={"epsilon": epsilon})})
        (row,) = shown_rows(sweep.model_copy(update={"cells": (cell,)}))
        assert guarantee_text(row) == text
        assert epsilon_label(row) == "8"
    cell = sweep.cells[2].model_copy(update={"guarantee": guarantee.model_copy(update={"epsilon": None})})
    (row,) = shown_rows(sweep.model_copy(update={"cells": (cell,)}))
    assert (guarantee_text(row), short_name(row)) == ("no finite ε", "DP, no noise")


def test_comparisons_say_whom_they_favour(sweep):
    plain, strong, weak = sweep.cells[8], sweep.cells[1], sweep.cells[7]
    assert reading_of(comparison(plain, strong)).startswith("DP-SGD leaves less of the leak on the most exposed")
    assert reading_of(comparison(strong, weak)).startswith("The defence leaves less")
    assert reading_of(comparison(weak, weak)).startswith("No clear difference")
    assert reading_of(comparison(plain, None)) == "No DP-SGD as useful was found."
    split = comparison(plain, strong).model_copy(update={"canaries_favour": "defence"})
    assert reading_of(split).count("leaves less of the leak") == 2
    assert comparison_sentence((comparison(plain, None),)) == ""
    assert "on the most exposed patients 1 of 1 defence clearly more" in comparison_sentence(
        (comparison(plain, strong),)
    )
