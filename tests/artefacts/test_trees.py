import copy
import json

import numpy as np
import pytest
from xgboost import XGBClassifier

from genoaudit.artefacts.trees import check_trees
from genoaudit.errors import ArtefactError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 8)), RNG.integers(3, size=60)


def written(**parameters):
    model = XGBClassifier(**{"n_estimators": 2, "max_depth": 3, **parameters}).fit(X, Y)
    return json.loads(bytes(model.get_booster().save_raw("json")))


SOUND = written()


def forest(content):
    return content["learner"]["gradient_booster"]["model"]


def tree(content, number=1):
    return forest(content)["trees"][number]


def test_sound_trees_pass():
    check_trees(SOUND)
    check_trees(written(tree_method="exact", gamma=0.5))
    check_trees(written(num_parallel_tree=2))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda c: c.pop("learner"), "KeyError"),
        (lambda c: c.update(learner=3), "TypeError"),
        (lambda c: c["learner"]["learner_model_param"].update(num_feature="many"), "ValueError"),
        (lambda c: c["learner"]["learner_model_param"].update(num_feature="7"), "tree 0: its size is wrong"),
        (lambda c: c["learner"]["learner_model_param"].update(num_target="2"), "more than one target"),
        (lambda c: c["learner"]["learner_model_param"].update(base_score="[nan,0,0]"), "base score"),
        (lambda c: c["learner"]["learner_model_param"].update(base_score="[0,0]"), "base score"),
        (lambda c: c["learner"]["learner_model_param"].update(num_class="1000000000"), "base score|number of classes"),
        (lambda c: c["learner"]["gradient_booster"].update(name="dart"), "booster 'dart' is not supported"),
        (lambda c: forest(c)["tree_info"].__setitem__(0, 3), "class of a tree"),
        (lambda c: forest(c)["tree_info"].pop(), "number of trees"),
        (lambda c: forest(c)["iteration_indptr"].__setitem__(-1, 7), "rounds"),
        (lambda c: forest(c)["cats"].update(enc=[1]), "splits categories"),
        (lambda c: tree(c).update(id=0), "tree 1: its number"),
        (lambda c: tree(c)["left_children"].__setitem__(0, 10**6), "tree 1: a child of a node"),
        (lambda c: tree(c)["left_children"].__setitem__(0, 0), "tree 1: a child of a node"),
        (lambda c: tree(c)["right_children"].__setitem__(0, 1), "a child of a node"),
        (lambda c: tree(c)["right_children"].__setitem__(0, -1), "a child of a node"),
        (lambda c: tree(c)["parents"].__setitem__(1, 9_000_000), "the parent of a node"),
        (lambda c: tree(c)["split_indices"].__setitem__(0, 8), "the gene of a node"),
        (lambda c: tree(c)["split_indices"].__setitem__(0, -1), "the gene of a node"),
        (lambda c: tree(c)["split_conditions"].__setitem__(0, float("nan")), "a value of split_conditions"),
        (lambda c: tree(c)["split_conditions"].__setitem__(0, "0"), "a value of split_conditions"),
        (lambda c: tree(c)["default_left"].pop(), "wrong length"),
        (lambda c: tree(c)["split_type"].__setitem__(0, 1), "splits categories"),
        (lambda c: tree(c)["tree_param"].update(size_leaf_vector="3"), "leaves hold more than a number"),
    ],
)
def test_what_would_lead_xgboost_astray_is_refused(damage, says):
    content = copy.deepcopy(SOUND)
    damage(content)
    with pytest.raises(ArtefactError, match=says):
        check_trees(content)


def test_what_is_not_split_by_thresholds_is_refused():
    for parameters in ({"booster": "gblinear", "max_depth": None}, {"multi_strategy": "multi_output_tree"}):
        with pytest.raises(ArtefactError, match=r"not supported|more than a number"):
            check_trees(written(**parameters))
