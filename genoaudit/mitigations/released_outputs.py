"""Protections of outputs: the model stays as it is, and says less."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from genoaudit.contracts import Mitigation, Recipe
from genoaudit.mitigations.steps import copied
from genoaudit.models.releases import RELEASES, get_release


def _apply(recipe: Recipe, setting: Any, _genes: tuple[str, ...], *, release: str) -> Recipe:
    from genoaudit.models.outputs import DefendedOutputs

    get_release(release, setting)
    return cast(Recipe, DefendedOutputs(copied(recipe), release=release, setting=setting))


def _fits_any(_recipe: Recipe) -> str | None:
    return None


_COARSE_PROBABILITIES = (
    "Shokri, Stronati, Song, Shmatikov. Membership inference attacks against machine learning models. IEEE Symposium "
    "on Security and Privacy 2017. doi:10.1109/SP.2017.41"
)
_WHO_HOLDS_THE_MODEL = "It protects nothing against whoever holds the model itself."

ROUNDING = Mitigation(
    name="rounding",
    title="Rounded probabilities",
    protects="Attacks that read the last digits of a probability, where members differ from others most.",
    costs="None where few decimals suffice; classes closer than the last decimal are tied.",
    failures="Patients whose class the model gets wrong or is unsure of show it in the first digits. Labels of noisy "
    "copies of a sample tell about as much as probabilities (Choquette-Choo et al., ICML 2021). "
    f"{_WHO_HOLDS_THE_MODEL}",
    reference=_COARSE_PROBABILITIES,
    setting="Number of decimals; more than 15 leaves probabilities as they are. Each row still sums to 1.",
    defaults=(2,),
    apply=partial(_apply, release="rounding"),
    why_not=_fits_any,
    release=RELEASES["rounding"],
)

TOP_K = Mitigation(
    name="top_k",
    title="Most probable classes only",
    protects="Attacks that read the probabilities of unlikely classes.",
    costs="Users no longer learn how the other classes rank.",
    failures="The largest probability is what most attacks read, and it is given exactly. Cutting a vector to a few "
    f"entries hardly weakened attacks (Shokri et al., 2017). {_WHO_HOLDS_THE_MODEL}",
    reference=_COARSE_PROBABILITIES,
    setting="Number of classes whose probabilities are given exactly; what is left of 1 is spread evenly over all "
    "others, so that each row sums to 1. As many as there are classes, or more, leaves them as they are.",
    defaults=(1,),
    apply=partial(_apply, release="top_k"),
    why_not=_fits_any,
    release=RELEASES["top_k"],
)

TEMPERATURE = Mitigation(
    name="temperature",
    title="Softened probabilities (temperature)",
    protects="Attacks with a fixed threshold on confidence: probabilities move towards the middle.",
    costs="Probabilities say too little: the model is less sure than it is right. Labels stay the same.",
    failures="The change can be undone by whoever knows or guesses the temperature, and attacks with reference models "
    f"rank patients as before. Use it with rounding, or not at all. {_WHO_HOLDS_THE_MODEL}",
    reference=_COARSE_PROBABILITIES,
    setting="Number of at least 1 by which logits are divided; 1 leaves probabilities as they are.",
    defaults=(5.0,),
    apply=partial(_apply, release="temperature"),
    why_not=_fits_any,
    release=RELEASES["temperature"],
)

LABEL_ONLY = Mitigation(
    name="label_only",
    title="Labels only",
    protects="All attacks that read probabilities.",
    costs="Users no longer learn how sure the model is; AUROC and calibration lose their meaning.",
    failures="A wrong label on a patient's sample says non-member by itself, and labels of noisy copies of a sample "
    f"recover most of what probabilities tell. {_WHO_HOLDS_THE_MODEL}",
    reference="Choquette-Choo, Tramer, Carlini, Papernot. Label-only membership inference attacks. ICML 2021. "
    "doi:10.48550/arXiv.2007.14321",
    setting="'on'; there is no strength, and no value leaves probabilities as they are.",
    defaults=("on",),
    apply=partial(_apply, release="label_only"),
    why_not=_fits_any,
    release=RELEASES["label_only"],
)

OUTPUT_NOISE = Mitigation(
    name="output_noise",
    title="DP noise on outputs",
    protects="Every attack that reads answers, also those not yet known: one answer is epsilon-DP for anybody in the "
    "training, whatever the model.",
    costs="At an epsilon that protects, single answers are close to useless: the noise on each probability has scale 2 "
    "/ epsilon.",
    failures="Epsilons of answers add up: ten samples of a patient, or ten changed copies of one, cost ten times as "
    "much. The same sample asked again gets the same answer, so that averaging gains nothing; near copies do gain. "
    f"{_WHO_HOLDS_THE_MODEL}",
    reference="Dwork, Feldman. Privacy-preserving prediction. COLT 2018. doi:10.48550/arXiv.1803.10266",
    setting="Epsilon of one answer, above 0; infinity leaves probabilities as they are.",
    defaults=(1.0, 8.0),
    apply=partial(_apply, release="output_noise"),
    why_not=_fits_any,
    release=RELEASES["output_noise"],
)
