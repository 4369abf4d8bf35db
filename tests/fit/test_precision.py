import numpy as np
import pytest
import torch
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.errors import NasdipError
from nasdip.fit import precision
from nasdip.fit.fit import fit
from nasdip.measurement.add_noise import add_noise
from nasdip.measurement.measurement import Measurement
from nasdip.network.build import build_network
from nasdip.network.fast import rewrite
from nasdip.options.fit import FitConfig
from nasdip.space.architecture import Architecture

CPU = torch.device("cpu")


@pytest.mark.parametrize("text", ["dip+bilinear:4.4", "nearest+split-sum5+leaky-relu:11.01", "bicubic+conv3:1"])
def test_bfloat16_maps_come_close_to_float32(text):
    clean = img_as_float32(astronaut()[96:128, 208:240])
    noisy = Measurement(add_noise(clean, sigma=25, seed=0).astype(np.float32))
    architecture = Architecture.from_text(text)
    psnr = {}
    for name in ("fp32", "bf16"):
        network = build_network(architecture, width=8, seed=1)
        result = fit(network, architecture, noisy, FitConfig(steps=40, average_span=0.1, precision=name), clean=clean)
        assert {p.dtype for p in network.parameters()} == {torch.float32}
        psnr[name] = result.psnr_averaged
    assert psnr["fp32"] != psnr["bf16"]
    assert psnr["fp32"] > 20
    assert psnr["bf16"] == pytest.approx(psnr["fp32"], abs=0.7)


def test_networks_compute_in_the_type_of_their_input():
    network = rewrite(build_network(Architecture.from_text("transposed3+prelu:11.01"), width=8))
    assert network(torch.rand(1, 32, 16, 16).bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("features", "chosen"),
    [({"avx2", "avx512_bf16"}, "bf16"), ({"amx_bf16"}, "bf16"), ({"avx2", "avx512f"}, "fp32"), (set(), "fp32")],
)
def test_auto_takes_bfloat16_where_the_processor_multiplies_it(monkeypatch, features, chosen):
    monkeypatch.setattr(precision, "processor_features", lambda: features)
    assert precision.choose_precision("auto", CPU) == chosen
    assert [precision.choose_precision(name, CPU) for name in ("fp32", "bf16")] == ["fp32", "bf16"]


def test_unknown_precisions_are_refused():
    with pytest.raises(NasdipError, match="one of fp32, bf16, auto"):
        FitConfig(precision="fp16")
