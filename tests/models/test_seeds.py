import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from genoaudit.data.private_moments import PrivateScaler
from genoaudit.models.claims import privacy_claim
from genoaudit.models.distillation import DistilledClassifier
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.outputs import DefendedOutputs
from genoaudit.models.recipes import set_random_state
from genoaudit.models.seeds import for_release, seeded_parameters
from genoaudit.privacy.dpsgd import DPSGD

PRIVATE = MLPClassifier(dp=DPSGD(epsilon=4.0, steps=20, hyperparameters="public"))


def test_with_a_seed_all_random_numbers_come_from_it():
    recipe = make_pipeline(PCA(2, random_state=3), MLPClassifier())
    one, again, other = for_release(recipe, 5), for_release(recipe, 5), for_release(recipe, 6)
    assert set(seeded_parameters(one)) == {"pca__random_state", "mlpclassifier__random_state"}
    assert one.get_params()["pca__random_state"] == again.get_params()["pca__random_state"] != 3
    assert one.get_params()["pca__random_state"] != other.get_params()["pca__random_state"]
    assert recipe.get_params()["pca__random_state"] == 3
    shadow = set_random_state(recipe, 5, "shadow", 0)  # a shadow model never is the released one
    assert shadow.get_params()["pca__random_state"] != one.get_params()["pca__random_state"]


def test_without_a_seed_nothing_can_be_drawn_again_also_not_what_the_recipe_brought_along():
    recipe = make_pipeline(PCA(2, random_state=3), MLPClassifier(random_state=np.random.RandomState(0)))
    assert seeded_parameters(recipe)
    assert seeded_parameters(for_release(recipe, None)) == ()


@pytest.mark.parametrize("recipe", [DefendedOutputs(), make_pipeline(DefendedOutputs()), DistilledClassifier()])
def test_noise_on_answers_never_comes_from_a_seed(recipe):
    seeded = for_release(recipe, 5).get_params()
    owners = {name.rpartition("__")[0] for name in seeded if name.endswith("random_state") and seeded[name] is not None}
    assert owners == ({""} if isinstance(recipe, DistilledClassifier) else set())
    around = for_release(DefendedOutputs(LogisticRegression(), random_state=4), None)
    assert around.random_state is None


@pytest.mark.parametrize(
    ("recipe", "seeded"),
    [
        (make_pipeline(PrivateScaler(), PRIVATE), False),
        (make_pipeline(PrivateScaler(random_state=0), PRIVATE), True),
        (make_pipeline(PCA(3, random_state=0), PRIVATE), True),
        (DistilledClassifier(PRIVATE, random_state=0), True),
        (DefendedOutputs(PRIVATE, random_state=0), False),
    ],
    ids=range(5),
)
def test_one_seeded_step_of_any_kind_undoes_a_guarantee(recipe, seeded):
    assert privacy_claim(recipe, patients=100).seeded is seeded
