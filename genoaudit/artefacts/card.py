"""The card of a model: what people should know before they use it, in the layout of a model hub's README.

Mitchell, Wu, Zaldivar, Barnes, Vasserman, Hutchinson, Spitzer, Raji, Gebru. Model cards for model reporting. FAT* 2019.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence

from genoaudit.artefacts.manifest import Manifest, Privacy
from genoaudit.phrases import count
from genoaudit.privacy.accounting import rounded_up

CLASSES_NAMED = 50

_SCALES = {
    "counts": "read counts, not normalised",
    "cpm": "counts per million, not logged",
    "tpm": "transcripts per million, not logged",
    "rsem": "RSEM expected or normalised counts, not logged",
    "log2": "log2 of expression",
    "intensity": "microarray intensities, not logged",
    "ratio": "two-colour ratios, not logged",
    "log_ratio": "log2 ratios",
    "zscore": "z-scores",
}


def model_card(manifest: Manifest, steps: Sequence[str], facts: Sequence[str] = ()) -> str:
    """Write the card of a model.

    Parameters
    ----------
    manifest
        What may be told; nothing else is.
    steps
        Names of the recipe's steps, in order.
    facts
        What the files tell of the patients all the same, as `genoaudit.artefacts.facts.facts` gives it.

    Returns
    -------
    Markdown after YAML front matter. The licence is the owner's to choose, and left open.
    """
    sections = (
        _front(manifest),
        f"# {inline(manifest.label)} from gene expression",
        _intended(manifest),
        _data(manifest, facts),
        _preprocessing(manifest, steps),
        _privacy(manifest),
        _evaluation(),
        _loading(manifest),
        _limits(manifest),
    )
    return "\n\n".join(sections) + "\n"


def inline(name: str) -> str:
    r"""Make a name from somebody's file harmless in Markdown and HTML, on one line.

    Examples
    --------
    >>> inline("<b>A|B</b>"), inline("x" * 300)[-3:]
    ('&lt;b&gt;A\\|B&lt;/b&gt;', 'xx…')
    """
    line = re.sub(r"[\x00-\x20\x7f-\xa0\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+", " ", name).strip()
    line = line if len(line) <= 200 else line[:199] + "…"
    return re.sub(r"([\\`*_{}\[\]()#+!|~@:])", r"\\\1", html.escape(line, quote=False))


def _front(manifest: Manifest) -> str:
    private = ["differential-privacy"] if manifest.privacy is not None else []
    tags = "\n".join(f"  - {tag}" for tag in ("gene-expression", "transcriptomics", "genoaudit", *private))
    return (
        "---\n"
        "# license: yours to choose and to name here, before this model goes anywhere\n"
        "library_name: genoaudit\n"
        "pipeline_tag: tabular-classification\n"
        f"tags:\n{tags}\n"
        "---"
    )


def _intended(manifest: Manifest) -> str:
    named = [inline(name) for name in manifest.classes[:CLASSES_NAMED]]
    more = len(manifest.classes) - len(named)
    listed = ", ".join(named) + (f" and {more} more" if more else "")
    return (
        "## Intended use\n\n"
        f"Predicts {inline(manifest.label)} from the expression of {len(manifest.genes):,} genes. It knows "
        f"{len(manifest.classes)} classes: {listed}.\n\n"
        "For research on data of the same kind. It is no medical device, and whether it holds for other laboratories, "
        "platforms or populations has to be shown on theirs."
    )


def _data(manifest: Manifest, facts: Sequence[str]) -> str:
    public = ""
    if manifest.privacy is not None:
        declared = manifest.privacy.mechanisms[0].patients
        public = f" Their number is declared as {declared:,}, which is public and need not be exact."
    return (
        "## Training data\n\n"
        f"Gene expression of patients, given as {_SCALES[manifest.scale]}. {_not_told(facts)}{public} The manifest "
        "commits to them and to the data by digests over salts that the owner keeps, so that the owner can prove later "
        "what the model was trained on, and nobody else can confirm a guess."
    )


def _not_told(facts: Sequence[str]) -> str:
    if not facts:
        return "Who they were and how many is not told here."
    return (
        f"Who they were is not told here. But the fitted estimators in `model.skops` tell {'; '.join(facts)}. Whoever "
        "has the files can read that off them."
    )


def _preprocessing(manifest: Manifest, steps: Sequence[str]) -> str:
    listed = "\n".join(f"{number}. {inline(step)}" for number, step in enumerate(steps, start=1))
    parameters = json.dumps(manifest.recipe, indent=1, sort_keys=True).replace("<", "\\u003c")
    return (
        "## Preprocessing and training\n\n"
        f"The model holds its preprocessing; give it expression as it was declared.\n\n{listed}\n\n"
        f"<details><summary>All parameters</summary>\n\n```json\n{parameters}\n```\n\n</details>"
    )


def _privacy(manifest: Manifest) -> str:
    if manifest.privacy is None:
        said = (
            "Trained without differential privacy: nothing is guaranteed. What a model of this kind tells of its "
            "patients has to be measured, for instance by an audit of it."
        )
    else:
        said = _guarantee(manifest.privacy)
    if manifest.answers_only:
        said += (
            "\n\n**Its protection acts on answers alone.** These files hold the exact model: keep them on a server, "
            "give out answers, and do not hand the files out."
        )
    return f"## Privacy\n\n{said}"


def _guarantee(privacy: Privacy) -> str:
    epsilon = "no finite epsilon" if privacy.epsilon is None else f"epsilon = {rounded_up(privacy.epsilon):,.2f}"
    lines = [
        (
            f"DP-SGD: {epsilon} at delta = {privacy.delta:.3g}, for adding or removing one {privacy.unit} with all "
            f"samples, computed by {privacy.accountant.upper()}."
        )
    ]
    for done in privacy.mechanisms:
        times = count(len(done.releases), "private release")
        released = f" after {times} of means and variances" if done.releases else ""
        lines.append(
            f"- {done.steps:,} steps, each patient drawn with a chance of {done.sampling_rate:.4g}, gradients clipped "
            f"at {done.clip:.4g}, noise multiplier {done.noise_multiplier:.5g}{released}"
        )
    if privacy.vacuous or privacy.epsilon is None:
        lines.append("\nThis is so large that it excludes no attack: nothing is promised.")
    if privacy.randomness == "reproducible, not releasable":
        lines.append(
            "\n**Reproducible, not releasable.** The noise came from a seed. Whoever learns or guesses it can take the "
            "noise off, and the guarantee does not hold against them."
        )
    else:
        lines.append("\nNoise and batches came from the operating system and were not recorded.")
    if privacy.gaps:
        lines.append("\nWhat the guarantee does not cover:\n")
        lines += [f"- {inline(gap)}" for gap in privacy.gaps]
    else:
        lines.append("\nIt covers all that the recipe did with the patients.")
    lines.append("\nIt assumes:\n")
    lines += [f"- {inline(assumption)}" for assumption in privacy.assumptions]
    return "\n".join(lines)


def _evaluation() -> str:
    return (
        "## Evaluation\n\n"
        "No figure stands here by itself: an exact accuracy on a few patients tells how many they were, and something "
        "of each. Add the shareable summary of an audit, which rounds and suppresses what it must."
    )


def _loading(manifest: Manifest) -> str:
    trusted = ""
    if manifest.trusted:
        listed = ", ".join(json.dumps(name) for name in manifest.trusted)
        trusted = f", trusted=[{listed}]"
    code = (
        "from genoaudit import read_model\n\n"
        f'model = read_model("this folder"{trusted})\n'
        "# X: samples x genes, in the order of model.genes, on the scale model.scale\n"
        "probabilities = model.recipe.predict_proba(X)\n"
        "labels = [model.classes[code] for code in model.recipe.predict(X)]"
    )
    kinds = {
        "model.safetensors": "arrays, as safetensors",
        "model.ubj": "boosted trees, as XGBoost's UBJSON",
        "model.skops": "estimators of other libraries, as skops",
        "recipe.json": "which step stands where, with its parameters",
    }
    files = "\n".join(f"- `{name}`: {kinds[name]}" for name in sorted(manifest.files))
    return (
        "## How to load it\n\n"
        f"```python\n{code}\n```\n\n"
        f"Nothing is unpickled, and every file is checked against `manifest.json` first:\n\n{files}\n\n"
        f"Written by genoaudit {inline(manifest.genoaudit_version)}; the manifest has the versions of the libraries."
    )


def _limits(manifest: Manifest) -> str:
    lines = [
        "A new sample always gets one of the classes above, also where it belongs to none of them.",
        "The genes must be the same, in the same order and on the same scale; nothing is imputed.",
    ]
    if "model.ubj" in manifest.files:
        lines.append(
            "Trees split genes at values of patients, and their leaves and base score follow from shares of the "
            "classes. Feature importances of the stored trees mean nothing: what they count was taken out."
        )
    if "model.skops" in manifest.files:
        lines.append("Estimators of other libraries may keep facts of training, such as how many samples there were.")
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)
