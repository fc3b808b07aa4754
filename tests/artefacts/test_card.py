import html
import re

import pytest
from sample_manifest import manifest, privacy

from genoaudit.artefacts.card import inline, model_card
from genoaudit.artefacts.manifest import StoredFile

FILE = StoredFile(sha256="0" * 64, bytes=1)


def card(**changes):
    return model_card(manifest(**changes), ("LogTransform", "MLPClassifier"))


def section(text, name):
    return text.partition(f"## {name}\n")[2].partition("\n## ")[0]


def test_it_has_front_matter_and_the_sections_of_a_card_in_order():
    text = card()
    front = text.split("---\n")[1]
    assert "library_name: genoaudit\n" in front
    assert "pipeline_tag: tabular-classification\n" in front
    assert re.search(r"^# license: yours to choose", front, re.MULTILINE)
    assert not re.search(r"^license:", front, re.MULTILINE)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        *("Intended use", "Training data", "Preprocessing and training", "Privacy", "Evaluation"),
        *("How to load it", "Limits"),
    ]


def test_it_says_what_the_guarantee_is_and_what_it_leaves_open():
    text = section(card(privacy=privacy(epsilon=3.001, gaps=("It learns * from <patients>.",))), "Privacy")
    assert "epsilon = 3.01 at delta = 0.333" in text
    assert "10 steps" in text
    assert "noise multiplier 1.1 after 1 private release of" in text
    assert "What the guarantee does not cover" in text
    assert r"It learns \* from &lt;patients&gt;." in text
    assert "were not recorded" in text
    assert "Reproducible" not in text
    assert "no finite epsilon" in section(card(privacy=privacy(epsilon=None)), "Privacy")
    assert "nothing is promised" in section(card(privacy=privacy(epsilon=5000.0, vacuous=True)), "Privacy")


def test_a_seeded_model_is_called_reproducible_and_not_releasable():
    text = section(card(privacy=privacy(randomness="reproducible, not releasable"), seeded=True), "Privacy")
    assert "**Reproducible, not releasable.**" in text
    assert "were not recorded" not in text


def test_without_dp_nothing_is_guaranteed_and_no_number_of_patients_is_told():
    text = card(privacy=None, seeded=None)
    assert "nothing is guaranteed" in section(text, "Privacy")
    assert "declared" not in section(text, "Training data")
    assert "declared as 50" in section(card(), "Training data")


def test_what_the_files_tell_of_the_patients_is_not_denied():
    plain = section(card(), "Training data")
    assert "Who they were and how many is not told here." in plain
    facts = ("how many samples there were (`A.nodes`)", "values of some (`B.min_`)")
    text = section(model_card(manifest(), ("A",), facts), "Training data")
    assert "how many is not told" not in text
    assert "Who they were is not told here. But the fitted estimators in `model.skops` tell how many samples" in text
    assert "(`A.nodes`); values of some (`B.min_`)." in text


def test_a_model_that_only_guards_its_answers_says_so():
    assert "do not hand the files out" in section(card(answers_only=True), "Privacy")
    assert "do not hand the files out" not in card()


def test_it_names_its_files_the_types_to_trust_and_what_trees_hold():
    text = card(files={"model.skops": FILE, "recipe.json": FILE, "model.ubj": FILE}, trusted=("a.B",))
    assert 'read_model("this folder", trusted=["a.B"])' in text
    assert "`model.skops`" in section(text, "How to load it")
    assert "shares of the classes" in section(text, "Limits")
    assert "how many samples" in section(text, "Limits")
    assert "trees" not in card()


NASTY = [
    "<script>alert(1)</script>",
    "a\n---\nlicense: mit\n# heading",
    "[click](javascript:alert(1))",
    "![x](http://evil/x.png)",
    "`code` *bold* _it_ ~~gone~~ |cell|",
    "\u202egnp.exe",
    "x" * 5000,
    "&lt;b&gt;",
]


@pytest.mark.parametrize("name", NASTY)
def test_names_from_a_file_end_as_harmless_text(name):
    text = card(label=name, classes=(name, "b"))
    assert len(re.findall(r"^#+ ", text, re.MULTILINE)) == len(re.findall(r"^#+ ", card(), re.MULTILINE))
    assert len(text.split("\n---\n")) == len(card().split("\n---\n"))
    without_code = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert set(re.findall(r"</?(\w+)", without_code)) <= {"details", "summary"}
    assert not re.search(r"(?<!\\)\]\(", without_code)
    assert "\u202e" not in text


def test_a_name_is_still_readable():
    shown = inline('BRCA/LumA 5\'-end & "x" <3')
    assert html.unescape(shown.replace("\\", "")) == 'BRCA/LumA 5\'-end & "x" <3'


def test_a_name_in_the_parameters_cannot_leave_its_code_block():
    text = card(recipe={"name": "```\n</details><script>"})
    block = text.partition("```json\n")[2].partition("\n```\n")[0]
    assert '"name": "```\\n\\u003c/details>\\u003cscript>"' in block


def test_a_promise_is_rounded_up_and_one_of_two_decimals_stays():
    for epsilon, said in ((1.1, "epsilon = 1.10 "), (7.9912, "epsilon = 8.00 "), (2.0001, "epsilon = 2.01 ")):
        assert said in model_card(manifest(privacy=privacy(epsilon=epsilon)), ("MLPClassifier",))
