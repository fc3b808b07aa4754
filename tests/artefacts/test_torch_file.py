import io
import json
import sys

import numpy as np
import pytest
import safetensors.torch
import torch
from bombs import pickle_bomb, torch_bomb, zipped
from torch.nn.functional import cross_entropy

from genoaudit.artefacts.torch_file import GivenModule, module_classifier, read_state
from genoaudit.errors import ConfigError, DataError


def network(genes, hidden=5, classes=3, *, last=None):
    layers = [torch.nn.BatchNorm1d(genes), torch.nn.Linear(genes, hidden), torch.nn.ReLU(), torch.nn.Dropout(0.5)]
    layers.append(torch.nn.Linear(hidden, classes))
    made = torch.nn.Sequential(*layers, *([] if last is None else [last]))
    weights = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(generator=weights)
    return made


def no_module():
    return [1, 2]


def fails():
    raise SystemExit(0)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setitem(sys.modules, "strangers_nets", sys.modules[__name__])


@pytest.fixture
def module():
    made = network(12)
    made(torch.randn(30, 12, generator=torch.Generator().manual_seed(0)) * 3 + 1)  # statistics of BatchNorm
    return made.eval()


def saved(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def classifier(state, **changes):
    asked = {"constructor": "strangers_nets:network", "arguments": {"genes": 12}, "outputs": "logits", "classes": 3}
    return module_classifier(state, "net", **{**asked, **changes})


@pytest.mark.parametrize("name", ["net.safetensors", "net.pt", "NET.PTH"])
def test_weights_come_back_and_answer_as_the_module_did(module, cohort, name):
    state = module.state_dict()
    content = safetensors.torch.save(state) if name.endswith(".safetensors") else saved(state)
    found = classifier(read_state(content, name))
    with torch.no_grad():
        expected = module(torch.from_numpy(cohort.X)).double().log_softmax(1).numpy()
    np.testing.assert_allclose(found.predict_log_proba(cohort.X), expected, rtol=1e-12)
    again = found.predict_log_proba(cohort.X)
    np.testing.assert_array_equal(again, found.predict_log_proba(cohort.X))  # no dropout


@pytest.mark.parametrize("prefix", ["_module.", "module.", "_orig_mod."])
def test_names_that_opacus_and_others_put_in_front_are_taken_off(module, cohort, prefix):
    wrapped = {prefix + key: tensor for key, tensor in module.state_dict().items()}
    np.testing.assert_array_equal(
        classifier(wrapped).predict_log_proba(cohort.X), classifier(module.state_dict()).predict_log_proba(cohort.X)
    )


def header(size, rest=b""):
    return size.to_bytes(8, "little") + rest


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (header(10**15, b"{}"), r"announces a header of 1,000,000,000,000,000 bytes, and the file has 10"),
        (header(2**63, b"{}"), "announces a header"),
        (b"\x01\x02", "announces a header"),
        (header(4, b"nope"), "no sound safetensors file"),
        (header(2, b"[]"), "no sound safetensors file"),
        (header(100_000, b"[" * 100_000), "no sound safetensors file"),
    ],
)
def test_headers_that_lie_are_refused(content, said):
    with pytest.raises(DataError, match=said):
        read_state(content, "net.safetensors")


def test_offsets_outside_the_file_are_refused():
    for offsets in ([0, 4000], [8, 4], [-4, 4]):
        described = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": offsets}}).encode()
        with pytest.raises(DataError, match="no sound safetensors file"):
            read_state(header(len(described), described + bytes(4)), "net.safetensors")


def test_every_truncation_is_refused(module):
    for name, content in (
        ("n.safetensors", safetensors.torch.save(module.state_dict())),
        ("n.pt", saved(module.state_dict())),
    ):
        for share in (0.2, 0.6, 0.99):
            with pytest.raises(DataError, match=r"cut short|no sound|damaged"):
                read_state(content[: int(share * len(content))], name)


def test_pickles_never_run(module, tmp_path):
    marker = tmp_path / "ran"
    for content, said in (
        (pickle_bomb(marker), "is a pickle"),
        (torch_bomb(marker), r"holds more than weights \('os\.system'|no sound file of torch"),
        (saved(module), r"holds more than weights \('torch\.nn\.modules"),
        (zipped([("a/constants.pkl", pickle_bomb(marker)), ("a/data.pkl", b"")]), "TorchScript program"),
        (zipped([("a/code/net.py", b"import os"), ("a/data.pkl", b"")]), "TorchScript program"),
        (zipped([("a/data.pkl", b"garbage")]), "no sound file of torch"),
    ):
        for name in ("net.pt", "net.pth"):
            with pytest.raises(DataError, match=said):
                read_state(content, name)
    with pytest.raises(DataError):
        read_state(pickle_bomb(marker), "net.safetensors")
    assert not marker.exists()


def test_what_is_more_or_less_than_named_weights_is_refused():
    for content in ({"epoch": 3}, {"state": {"w": torch.ones(1)}}, [torch.ones(1)], {1: torch.ones(1)}, {}):
        with pytest.raises(DataError, match=r"something else than weights by name.*save_file"):
            read_state(saved(content), "net.pt")


def test_a_few_bytes_that_stand_for_any_number_of_values_are_refused():
    wide = {"w": torch.zeros(1).expand(1 << 20, 1 << 20)}
    with pytest.raises(DataError, match=r"1 weight of more values than the file holds \(first: 'w'\)"):
        read_state(saved(wide), "net.pt")
    tied = torch.arange(6.0)
    found = read_state(saved({"whole": tied, "part": tied[:4].reshape(2, 2).T}), "net.pt")
    assert found["part"].tolist() == [[0, 2], [1, 3]]


def test_weights_that_are_not_finite_are_refused(module):
    for value in (float("nan"), float("inf")):
        state = module.state_dict()
        state["1.weight"] = state["1.weight"].clone()
        state["1.weight"][0, 0] = value
        with pytest.raises(DataError, match=r"not finite, in 1 tensor \(first: '1\.weight'\)"):
            read_state(safetensors.torch.save(state), "net.safetensors")


def test_every_weight_that_does_not_fit_is_told(module):
    state = module.state_dict()
    state["extra.<b>"] = state.pop("4.bias")
    state["1.weight"] = torch.ones(7, 12)
    with pytest.raises(DataError) as caught:
        classifier(state)
    text = str(caught.value)
    assert "has not 1 weight that the module has ('4.bias')" in text
    assert "has 1 weight that the module has not ('extra.<b>')" in text
    assert "has 1 weight of another shape than the module's ('1.weight' (7, 12) for (5, 12))" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"constructor": "nowhere:network"}, "target.constructor 'nowhere:network': importing 'nowhere' raised"),
        ({"constructor": "strangers_nets:net"}, "has no function 'net'"),
        ({"constructor": "network"}, "must look like 'module:function'"),
        ({"arguments": {"gene": 12}}, "cannot be called with target.arguments"),
        ({"arguments": {"genes": -1}}, "raised RuntimeError"),
        ({"constructor": "strangers_nets:no_module", "arguments": {}}, "returned a list; return a torch.nn.Module"),
        ({"constructor": "strangers_nets:fails", "arguments": {}}, "raised SystemExit"),
    ],
)
def test_a_constructor_that_cannot_be_used_is_named(module, changes, said):
    with pytest.raises(ConfigError, match=said):
        classifier(module.state_dict(), **changes)


def test_one_output_stands_for_the_second_of_two_classes(cohort):
    logit = network(12, classes=1).eval()
    both = GivenModule(logit, "logits", np.arange(2))
    squeezed = GivenModule(torch.nn.Sequential(logit, torch.nn.Flatten(0)), "logits", np.arange(2))
    chance = GivenModule(torch.nn.Sequential(logit, torch.nn.Sigmoid()), "probabilities", np.arange(2))
    with torch.no_grad():
        expected = torch.sigmoid(logit(torch.from_numpy(cohort.X)).double())[:, 0].numpy()
    for found in (both, squeezed, chance):
        proba = np.exp(found.predict_log_proba(cohort.X))
        assert proba[:, 1] == pytest.approx(expected, abs=1e-6)
        assert proba.sum(axis=1) == pytest.approx(1)


def test_probabilities_that_are_declared_as_logits_are_found_out(cohort):
    module = network(12, last=torch.nn.Softmax(dim=1)).eval()
    with pytest.raises(ConfigError, match="gives probabilities, not logits; write outputs = 'probabilities'"):
        GivenModule(module, "logits", np.arange(3)).predict_log_proba(cohort.X)
    declared = GivenModule(module, "probabilities", np.arange(3))
    assert np.exp(declared.predict_log_proba(cohort.X)).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_gradient_norms_are_those_of_one_sample_at_a_time(module, cohort):
    found = GivenModule(module, "logits", np.arange(3)).gradient_norms(cohort.X[:4], cohort.y[:4])
    for row, norm in enumerate(found):
        module.zero_grad()
        cross_entropy(module(torch.from_numpy(cohort.X[row : row + 1])), torch.tensor([cohort.y[row]])).backward()
        squares = sum(float((parameter.grad**2).sum()) for parameter in module.parameters())
        assert norm == pytest.approx(np.sqrt(squares), rel=1e-4)


def test_a_module_that_gives_no_tensor_raises(cohort):
    class Pair(torch.nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(TypeError, match="must give a tensor, got tuple"):
        GivenModule(Pair(), "logits", np.arange(3)).predict_log_proba(cohort.X)
