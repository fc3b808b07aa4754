"""What a file of boosted trees must hold before XGBoost may see it, which follows the numbers in it without a check."""

from __future__ import annotations

import math
from typing import Any

from genoaudit.errors import ArtefactError

_OF_NODES = (
    *("left_children", "right_children", "parents", "split_indices", "split_conditions", "default_left", "split_type"),
    *("base_weights", "loss_changes", "sum_hessian"),
)
_NOBODY = 2**31 - 1
"""How XGBoost writes that a node has no parent."""

_OF_CATEGORIES = ("categories", "categories_nodes", "categories_segments", "categories_sizes")


def check_trees(content: Any, *, boosters: tuple[str, ...] = ("gbtree",)) -> None:
    """Raise unless a model, as XGBoost writes it in JSON, consists of sound trees that split genes by thresholds.

    Parameters
    ----------
    content
        The model.
    boosters
        Which boosters may have made it: ``"gbtree"``, ``"dart"``, or, without trees, ``"gblinear"``.

    Raises
    ------
    ArtefactError
        Saying what is wrong first.
    """
    try:
        _check(content, boosters)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ArtefactError(f"no model of boosted trees as XGBoost writes them ({type(error).__name__}).") from error


def _check(content: Any, boosters: tuple[str, ...]) -> None:
    learner = content["learner"]
    sizes = learner["learner_model_param"]
    genes, outputs = int(sizes["num_feature"]), max(1, int(sizes["num_class"]))
    booster = learner["gradient_booster"]
    name = booster["name"]
    if name not in boosters:
        raise ArtefactError(f"booster {name!r} is not supported; train with booster = 'gbtree'.")
    _expect(genes >= 1 and int(sizes.get("num_target", 1)) == 1, "it has no genes, or more than one target")
    scores = str(sizes["base_score"]).strip("[]").split(",")
    _expect(
        len(scores) in {1, outputs} and all(math.isfinite(float(score)) for score in scores), "its base score is wrong"
    )
    objective = learner["objective"]
    if str(objective["name"]).startswith("multi:"):
        _expect(int(objective["softmax_multiclass_param"]["num_class"]) == outputs, "its number of classes is wrong")
    if name == "gblinear":
        _check_weights(booster["model"]["weights"], (genes + 1) * outputs)
        return
    if name == "dart":
        _check_weights(booster["weight_drop"], len(booster["gbtree"]["model"]["trees"]))
    _check_forest((booster["gbtree"] if name == "dart" else booster)["model"], genes=genes, outputs=outputs)


def _check_weights(weights: Any, number: int) -> None:
    _expect(len(weights) == number, f"it has {len(weights)} weights where {number} belong")
    _expect(all(map(_number, weights)), "a weight is not finite")


def _check_forest(model: Any, *, genes: int, outputs: int) -> None:
    trees, groups, starts = model["trees"], model["tree_info"], model.get("iteration_indptr")
    _expect(len(trees) == len(groups) == int(model["gbtree_model_param"]["num_trees"]), "its number of trees is wrong")
    _expect(all(_whole(group) and 0 <= group < outputs for group in groups), "the class of a tree is wrong")
    _expect(not any(model.get("cats", {}).values()), "it splits categories")
    if starts is not None:
        _expect(all(map(_whole, starts)) and starts == sorted(starts), "its rounds are wrong")
        _expect(starts[0] == 0 and starts[-1] == len(trees), "its rounds are wrong")
    for number, tree in enumerate(trees):
        try:
            _expect(int(tree["id"]) == number, "its number is wrong")
            _check_tree(tree, genes=genes)
        except ArtefactError as error:
            raise ArtefactError(f"tree {number}: {error}") from None


def _check_tree(tree: Any, *, genes: int) -> None:
    sizes = tree["tree_param"]
    nodes = int(sizes["num_nodes"])
    _expect(nodes >= 1 and int(sizes["num_feature"]) == genes, "its size is wrong")
    _expect(int(sizes["size_leaf_vector"]) in {0, 1}, "its leaves hold more than a number")
    _expect(all(len(tree[name]) == nodes for name in _OF_NODES), "an array has the wrong length")
    _expect(not any(tree.get(name) for name in _OF_CATEGORIES) and not any(tree["split_type"]), "it splits categories")
    for name in _OF_NODES:
        _expect(all(map(_number, tree[name])), f"a value of {name} is wrong")
    seen, waiting = set[int](), [(_NOBODY, 0)]
    while waiting:
        parent, node = waiting.pop()
        _expect(_whole(node) and 0 <= node < nodes and node not in seen, "a child of a node is wrong")
        _expect(tree["parents"][node] == parent, "the parent of a node is wrong")
        seen.add(node)
        left, right = tree["left_children"][node], tree["right_children"][node]
        if left == right == -1:
            continue
        gene = tree["split_indices"][node]
        _expect(_whole(gene) and 0 <= gene < genes, "the gene of a node is wrong")
        waiting += [(node, left), (node, right)]
    # What no way leads to was pruned; XGBoost may still look at it.
    pruned = set(range(nodes)) - seen
    _expect(
        all(-1 <= tree[side][node] < nodes for side in _OF_NODES[:2] for node in pruned),
        "a child of a pruned node is wrong",
    )
    _expect(
        all(tree["parents"][node] == _NOBODY or 0 <= tree["parents"][node] < nodes for node in pruned),
        "the parent of a pruned node is wrong",
    )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _expect(fine: bool, problem: str) -> None:  # noqa: FBT001
    if not fine:
        raise ArtefactError(f"{problem}.")
