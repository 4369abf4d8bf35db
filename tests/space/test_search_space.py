import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasdip.errors import NasdipError
from nasdip.network.build import build_network
from nasdip.space.architecture import Architecture, CrossSkipArchitecture
from nasdip.space.search_space import SearchSpace

SPACES = {name: SearchSpace.load(name) for name in ("nas_dip", "nas_dip_extended", "tiny")}
seeds = st.integers(0, 2**32 - 1)
names = st.sampled_from(sorted(SPACES))


def draw(name, seed):
    return SPACES[name].sample(np.random.default_rng(seed))


@given(names, seeds)
def test_text_json_and_encoding_round_trip(name, seed):
    space, architecture = SPACES[name], draw(name, seed)
    assert Architecture.from_text(str(architecture)) == architecture
    assert Architecture.from_json(json.loads(json.dumps(architecture.to_json()))) == architecture
    code = space.encode(architecture)
    assert space.decode(code) == architecture
    assert (
        space.architecture({d.name: d.options[i] for d, i in zip(space.decisions, code, strict=True)}) == architecture
    )


@given(names, seeds)
@settings(deadline=None, max_examples=15)
def test_every_sampled_point_builds_and_runs(name, seed):
    architecture = draw(name, seed)
    with torch.device("meta"):
        build_network(architecture, in_channels=4, out_channels=3, width=16, seed=seed)
    narrow = replace(architecture, width=None)  # quick enough to run
    network = build_network(narrow, in_channels=4, out_channels=3, width=16, seed=seed)
    side = 2 ** (architecture.depth + 1)
    with torch.no_grad():
        assert network(torch.zeros(1, 4, side, 2 * side)).shape == (1, 3, side, 2 * side)


def test_published_space_has_297_cells_and_all_skip_matrices():
    space = SPACES["nas_dip"]
    assert space.size == 297 * 2**25
    assert len({space.decode((*code, *[0] * 25)) for code in cell_codes(space)}) == 297


def cell_codes(space, prefix=()):
    if len(prefix) == 4:
        return [prefix]
    allowed = [i for i, ok in enumerate(space.mask(prefix)) if ok]
    return [code for i in allowed for code in cell_codes(space, (*prefix, i))]


def test_published_cells_are_those_of_the_space():
    indices = []
    for index in range(324):
        try:
            cell = Architecture.from_published_index(index, "0" * 25)
        except NasdipError:
            continue
        SPACES["nas_dip"].encode(cell)
        indices.append(cell)
    assert len(indices) == 324 - 27 == len(set(indices))


def test_size_counts_every_architecture_once():
    space = SPACES["tiny"]
    found = {str(space.decode(code)) for code in all_codes(space)}
    assert len(found) == len(list(all_codes(space))) == space.size


def all_codes(space, prefix=()):
    if len(prefix) == len(space.decisions):
        yield prefix
        return
    for i, ok in enumerate(space.mask(prefix)):
        if ok:
            yield from all_codes(space, (*prefix, i))


def test_skips_below_the_chosen_depth_are_decided():
    space = SPACES["nas_dip_extended"]
    depth = [d.name for d in space.decisions].index("depth")
    code = [0] * depth + [0]  # depth 3
    while len(code) < len(space.decisions):
        mask, name = space.mask(code), space.decisions[len(code)].name
        inside = not any(f"dec{n}" in name or f"enc{n}" in name for n in (4, 5, 6)) and "enc3" not in name
        assert mask == ((True, True) if inside else (True, False)), name
        code.append(0)


def test_equivalent_choices_have_one_form():
    a = Architecture.from_text("Bilinear + leaky_relu : 11.01")
    b = CrossSkipArchitecture(None, type(a.cell)("bilinear", "identity", 7, 3, "leaky-relu"), ("11", "01"))
    assert a == b
    assert str(Architecture.from_text("nearest+conv1d3:1")) == "nearest+conv1:1"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nonsense", "not an architecture"),
        ("bilinear+conv3:11.0", "digits of 0 and 1"),
        ("bilinear+conv4:1", "odd"),
        ("bilinear+conv:1", "kernel size"),
        ("bilinear3:1", "takes no kernel size"),
        ("conv3:1", "no spatial operation"),
        ("bilinear+nearest:1", "two spatial"),
        ("pixel-shuffle+depthwise3:1", "cannot be combined"),
        ("transposed3+conv3:1", "cannot be combined"),
        ("bilinear:1:64", "not a width"),
        ("dip+bicubic:4.x", "skip channels"),
    ],
)
def test_bad_texts_say_what_is_wrong(text, word):
    with pytest.raises(NasdipError, match=word) as caught:
        Architecture.from_text(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ([], "malformed at the file"),
        ({}, "empty"),
        ({"spatial": ["bilinear"]}, "_type"),
        ({"spatial": {"_type": "uniform", "_value": [0, 1]}}, "malformed at spatial"),
        ({"spatial": {"_type": "choice", "_value": []}}, "spatial"),
        ({"spatial": {"_type": "choice", "_value": ["bilinear"], "extra": 1}}, "extra"),
        ({"spatial": {"_type": "choice", "_value": ["sideways"]}}, "unknown spatial"),
        ({"colour": {"_type": "choice", "_value": ["red"]}}, "unknown search space entry"),
        ({"kernel": {"_type": "choice", "_value": [3, 3]}}, "repeats"),
        ({"depth": {"_type": "choice", "_value": [9]}}, "1 to 8"),
        ({"skip_dec1_input": {"_type": "choice", "_value": [1, 0]}}, "0, 1"),
        ({"spatial": {"_type": "choice", "_value": ["transposed"]}, "channel": {"_type": "choice", "_value": ["conv"]}},
         "no combination"),
    ],
)  # fmt: skip
def test_malformed_spaces_say_what_is_wrong(tmp_path, data, word):
    path = tmp_path / "space.json"
    path.write_text(json.dumps(data))
    with pytest.raises(NasdipError, match=word) as caught:
        SearchSpace.load(path)
    assert "\n" not in str(caught.value)


def test_files_hold_nothing_but_nni_choices():
    for path in (Path(__file__).parents[2] / "search_spaces").glob("*.json"):
        for entry in json.loads(path.read_text()).values():
            assert set(entry) == {"_type", "_value"}
            assert entry["_type"] == "choice"
