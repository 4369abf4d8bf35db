import xml.etree.ElementTree as ET

import pytest

from nasdip.report.diagram import architecture_svg, skip_connections, upsampling_chain
from nasdip.space.architecture import Architecture

NAMESPACE = {"svg": "http://www.w3.org/2000/svg"}


@pytest.mark.parametrize(
    "text",
    [
        "bilinear:1",
        "nearest+split-sum5+leaky-relu:11111.01111.00111.00011.00001",
        "conv3d2+pixel-shuffle+relu:" + ".".join(["1" * 8] * 8),
        "dip+bilinear:4",
        "dip+nearest:4.0.4.16.4",
        "dip+bicubic:" + ".".join("4" * 8),
    ],
)
def test_a_drawing_has_every_level_and_every_skip(text: str) -> None:
    architecture = Architecture.from_text(text)
    drawing = ET.fromstring(str(architecture_svg(architecture)))
    names = [element.text for element in drawing.findall("g[@class='node']/text")]
    depth = architecture.depth
    assert names == ["input", *(f"enc{i}" for i in range(1, depth + 1)), *(f"dec{i}" for i in range(1, depth + 1))]
    skips = skip_connections(architecture)
    for kind in ("same", "finer", "coarser"):
        assert len(drawing.findall(f"g[@class='{kind}']")) == sum(skip.kind == kind for skip in skips)
    assert len(drawing.findall("g[@class='flow']")) == 2 * depth + 1  # down, up from the bottom, out


def test_skips_are_told_by_where_they_come_from() -> None:
    skips = skip_connections(Architecture.from_text("bilinear:101.110.001"))
    assert [(skip.level, skip.source, skip.kind) for skip in skips] == [
        (1, 0, "same"),
        (1, 2, "coarser"),
        (2, 0, "finer"),
        (2, 1, "same"),
        (3, 2, "same"),
    ]


def test_concatenated_skips_carry_their_channels_and_zero_is_none() -> None:
    skips = skip_connections(Architecture.from_text("dip+bilinear:4.0.16"))
    assert [(skip.level, skip.source, skip.channels) for skip in skips] == [(1, 0, 4), (3, 2, 16)]


@pytest.mark.parametrize(
    ("cell", "chain"),
    [
        ("bilinear", ["bilinear ×2"]),
        ("transposed5+relu", ["transposed 5×5 ×2", "relu"]),
        ("bicubic+conv3d2", ["bicubic ×2", "conv 3×3 dilation 2"]),
        ("conv3+pixel-shuffle+relu", ["conv 3×3 to 4 times the channels", "relu", "pixel-shuffle ×2", "relu"]),
    ],
)
def test_the_upsampling_in_steps(cell: str, chain: list[str]) -> None:
    assert upsampling_chain(Architecture.from_text(f"{cell}:1")) == chain
