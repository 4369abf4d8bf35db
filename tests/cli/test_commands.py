import subprocess
import sys

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from nasdip.options.fit import FitConfig
from nasdip.records.restoration_folder import RestorationFolder
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult

QUICK = ("--steps", "3", "--width", "8")


def test_restore_writes_the_picture_the_record_and_the_report(folder, nasdip):
    code, out, err = nasdip("restore", "photo.png", "--clean", "clean.png", "--repeats", 2, *QUICK)
    assert code == 0
    assert out.splitlines() == ["restored/photo.png", "restored/photo/report.html"]
    for words in ("40x32 px, 3 channels, uint8", "noise", "on cpu", "about", "oracle", "MiB"):
        assert words in err
    assert iio.imread("restored/photo.png").shape == (40, 32, 3)
    assert (folder / "restored/photo/repetition-02/curves.csv").exists()


def test_restore_fits_by_the_fast_recipe_unless_told_otherwise(folder, nasdip):
    nasdip("restore", "photo.png", "-o", "fast", "--no-report", "--steps", "2")
    nasdip("restore", "photo.png", "-o", "slow", "--no-report", "--recipe", "published", *QUICK)
    fast, slow = (RestorationFolder(folder / name / "photo").read() for name in ("fast", "slow"))
    assert (fast.width, fast.config.learning_rate, fast.config.second_moment) == (48, 0.02, 0.9)
    assert (slow.width, slow.config) == (8, FitConfig(steps=3))
    code, _, err = nasdip("restore", "photo.png", "--recipe", "quick")
    assert (code, err.strip()) == (2, "nasdip: error: unknown recipe 'quick': use published or fast")


def test_same_command_same_picture(folder, nasdip):
    nasdip("restore", "photo.png", "-o", "a", "--no-report", *QUICK)
    nasdip("restore", "photo.png", "-o", "b", "--no-report", *QUICK)
    nasdip("restore", "photo.png", "-o", "c", "--no-report", *QUICK, "--seed", 1)
    a, b, c = (iio.imread(f"{name}/photo.png") for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_restore_keeps_what_the_file_is(folder, nasdip):
    rng = np.random.default_rng(0)
    stack = rng.integers(100, 4000, (4, 20, 28)).astype(np.uint16)
    tifffile.imwrite("channels.tif", stack, metadata={"axes": "CYX"}, photometric="minisblack", resolution=(300, 300))
    rgba = rng.integers(0, 255, (18, 21, 4)).astype(np.uint8)
    iio.imwrite("clear.png", rgba)
    code, _, _ = nasdip("restore", "channels.tif", "clear.png", "--no-report", *QUICK)
    assert code == 0
    with tifffile.TiffFile("restored/channels.tif") as file:
        assert file.series[0].axes == "CYX"
        assert file.series[0].shape == (4, 20, 28)
        assert file.pages[0].dtype == np.uint16
        assert file.pages[0].tags["XResolution"].value == (300, 1)
    assert np.array_equal(iio.imread("restored/clear.png")[..., 3], rgba[..., 3])


TRIALS = (
    "--space", "tiny", "--crop", 16, "--width", 16, "--steps", 2, "--candidate", "none", "--warm-start", 0,
    "--parallel", 1,
)  # fmt: skip
RANDOM = ("--searcher", "random")
NO_FIT = (*TRIALS, *RANDOM, "--final-steps", 0)
SEARCH = (*TRIALS, "--final-steps", 2, "--final-width", 16, "--warm-start", 2)


def test_search_status_report_resume_and_restore_with_the_best(folder, nasdip, empty_page):
    code, out, err = nasdip("search", "photo.png", "--trials", 2, *SEARCH)
    assert code == 0, err
    assert out.splitlines() == ["runs/photo/restored.png", "runs/photo/report.html"]
    assert "searching tiny (160 architectures) with reinforce: trials 1 to 2" in err
    _, out, _ = nasdip("status", "runs/photo")
    assert "finished" in out
    assert "2 of 2" in out

    code, _, err = nasdip("search", "--resume", "-o", "runs/photo", "--crop", 32)
    assert code == 2
    assert "--crop 16, not 32" in err
    code, _, err = nasdip("search", "photo.png", "-o", "runs/photo", *SEARCH)
    assert code == 2
    assert "--resume" in err
    code, _, _ = nasdip("search", "photo.png", "--resume", "--trials", 3)
    assert code == 0
    _, out, _ = nasdip("status", "runs/photo")
    assert "3 of 3" in out
    (folder / "runs/photo/report.html").unlink()
    _, out, _ = nasdip("report", "runs/photo")
    assert out.strip() == "runs/photo/report.html"
    code, _, err = nasdip("restore", "photo.png", "--architecture", "runs/photo", "--steps", 2, "--width", 16)
    assert code == 0, err
    code, _, err = nasdip("search", "photo.png", "--resume", "--trials", 2)
    assert code == 2
    assert "3 trials already" in err
    (folder / "photo.png").write_bytes((folder / "clean.png").read_bytes())
    code, _, err = nasdip("search", "photo.png", "--resume")
    assert code == 2
    assert "another image" in err


def test_early_stopping_is_told_kept_and_reported(folder, nasdip, empty_page):
    options = (*NO_FIT, "--steps", 16, "--trials", 10)
    code, _, err = nasdip("search", "photo.png", *options, "--early-stop", "halving")
    assert code == 0, err
    told = next(line for line in err.splitlines() if line.startswith("early stopping: "))
    trials = RunFolder(folder / "runs/photo").trials()
    stopped = [trial for trial in trials if trial.status == "stopped"]
    assert stopped
    assert all(trial.steps < 16 for trial in stopped)
    assert f"{len(stopped)} of " in told
    _, out, _ = nasdip("status", "runs/photo")
    assert told.removeprefix("early stopping: ") in out
    assert f"{len(stopped)} stopped early" in out
    code, _, err = nasdip("search", "--resume", "-o", "runs/photo", "--early-stop", "median")
    assert code == 2
    assert "--early-stop halving, not median" in err
    code, _, err = nasdip("search", "--resume", "-o", "runs/photo", "--early-stop", "halving", "--trials", 11)
    assert code == 0, err


def test_the_last_cause_of_failed_trials_is_told_without_control_characters(folder, nasdip, empty_page):
    nasdip("search", "photo.png", "--trials", 2, *NO_FIT)
    run = RunFolder(folder / "runs/photo")
    run.write_trial(TrialResult.failed(2, run.trials()[1].architecture, "out of\x1b[2J memory", {}))
    _, out, _ = nasdip("status", "runs/photo")
    assert "last failed  trial 2: out of [2J memory" in out


def test_an_architecture_picked_with_the_clean_image_is_called_oracle(folder, nasdip):
    _, _, err = nasdip("search", "photo.png", "--clean", "clean.png", "--trials", 1, *SEARCH[:-2], *RANDOM)
    assert "picked with the clean image: oracle" in err
    _, out, _ = nasdip("status", "runs/photo")
    assert "oracle: picked with the clean image" in out
    assert "PSNR, oracle" in (folder / "runs/photo/report.html").read_text()


def test_an_earlier_restoration_with_other_settings_is_kept(folder, nasdip):
    nasdip("restore", "photo.png", "--repeats", 2, "--no-report", *QUICK)
    _, _, err = nasdip("restore", "photo.png", "--no-report", "--width", 8, "--steps", 4)
    assert "restored/photo.1" in err
    assert (folder / "restored/photo.1/repetition-02/averaged.tif").exists()
    _, out, _ = nasdip("status", "restored/photo")
    assert "1 repetition" in out


def test_fewer_repeats_take_fewer_of_those_on_disk(folder, nasdip):
    nasdip("restore", "photo.png", "--repeats", 3, "--no-report", *QUICK)
    _, _, err = nasdip("restore", "photo.png", "--repeats", 2, "--no-report", *QUICK)
    assert "2 fit(s)" in err
    assert len(RestorationFolder(folder / "restored/photo").read().repetitions) == 2


def test_clean_files_with_a_range_of_their_own_are_compared_by_sample_value(folder, nasdip):
    clean = 1000 * iio.imread("clean.png").astype(np.float32) / 255
    noisy = clean + np.random.default_rng(0).normal(0, 100, clean.shape).astype(np.float32)
    tifffile.imwrite("clean.tif", clean, photometric="rgb")
    tifffile.imwrite("noisy.tif", noisy, photometric="rgb")
    nasdip("restore", "noisy.tif", "--clean", "clean.tif", "--no-report", *QUICK)
    restoration = RestorationFolder(folder / "restored/noisy").read()
    scale = noisy.max() - noisy.min()
    np.testing.assert_allclose(restoration.clean * scale + noisy.min(), clean, atol=0.01)


def test_nothing_given_shows_help(nasdip):
    code, out, err = nasdip()
    assert (code, err) == (2, "")
    assert "restore" in out


def test_ctrl_c_says_how_to_go_on(folder, nasdip, monkeypatch):
    from nasdip.cli.commands import search

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "run_trials", interrupted)
    code, _, err = nasdip("search", "photo.png", "--trials", 2, *NO_FIT)
    assert code == 130
    assert "nasdip search --resume -o runs/photo" in err
    assert err.endswith("nasdip: stopped\n")
    _, out, _ = nasdip("status", "runs/photo")
    assert "stopped after 0 of 2 trials" in out


def test_ctrl_c_in_a_restoration_says_what_is_kept(folder, nasdip, ctrl_c_in_fit):
    fits = ctrl_c_in_fit(2)
    code, _, err = nasdip("restore", "photo.png", "--repeats", 3, *QUICK)
    assert code == 130
    assert "1 of 3 repetitions of photo.png are in restored/photo; the same command goes on" in err
    _, out, _ = nasdip("status", "restored/photo")
    assert "stopped, 1 repetitions done" in out
    assert "go on with   nasdip restore photo.png --repeats 3" in out
    code, _, _ = nasdip("restore", "photo.png", "--repeats", 3, "--no-report", *QUICK)
    assert code == 0
    assert len(fits) == 4


@pytest.mark.parametrize("kind", ["gaussian", "poisson", "speckle"])
def test_noise_has_the_asked_level(folder, nasdip, kind):
    code, out, _ = nasdip("noise", "clean.png", "--sigma", 10, "--kind", kind, "-o", "noisy.tif")
    assert (code, out) == (0, "noisy.tif\n")
    difference = tifffile.imread("noisy.tif").astype(float) - iio.imread("clean.png")
    assert np.sqrt(np.mean(difference**2)) == pytest.approx(10, rel=0.15)


def test_noise_has_a_default_name_and_repeats_with_its_seed(folder, nasdip):
    _, out, _ = nasdip("noise", "clean.png", "--sigma", 25)
    assert out == "clean_noisy.png\n"
    first = iio.imread("clean_noisy.png")
    nasdip("noise", "clean.png", "--sigma", 25)
    assert np.array_equal(iio.imread("clean_noisy.png"), first)
    nasdip("noise", "clean.png", "--sigma", 25, "--seed", 1)
    assert not np.array_equal(iio.imread("clean_noisy.png"), first)


def test_spectrum_writes_pictures_and_numbers(folder, nasdip):
    code, out, _ = nasdip("spectrum", "photo.png", "clean.png", "--clean", "clean.png", "-o", "spectra")
    assert code == 0
    for line in out.splitlines():
        assert (folder / line).is_file()
    written = {p.name for p in (folder / "spectra").iterdir()}
    assert {"spectra.png", "radial_psd.png", "radial_psd.csv", "bands.csv"} <= written


def test_zoo_doctor_cite_and_version(folder, nasdip):
    code, out, _ = nasdip("zoo", "list")
    assert code == 0
    names = ["dip", "nas-dip-denoise", "nas-dip-inpaint", "nas-dip-sr", "nasdip-denoise"]
    assert [line.split()[0] for line in out.splitlines()] == names
    _, out, _ = nasdip("zoo", "show", "nas-dip-sr")
    assert "10010.11001.01100.00110.00011" in out
    _, out, _ = nasdip("doctor")
    for name in ("python", "torch", "memory", "nni", "gpus"):
        assert name in out
    _, out, _ = nasdip("cite")
    assert "@software{nasdip" in out
    code, out, _ = nasdip("--version")
    assert (code, out) == (0, "0.2.0\n")


VERBS = [
    *("restore", "search", "degrade", "spectrum", "report", "status", "doctor", "cite"),
    *("pairs", "train", "denoise", "compare", "demo-report"),
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(nasdip, verb):
    code, out, _ = nasdip(verb, "--help")
    assert code == 0
    assert f"nasdip {verb}" in out.split("Example")[1]


def test_noise_is_an_earlier_name_of_degrade(nasdip):
    code, out, _ = nasdip("noise", "--help")
    assert code == 0
    assert "nasdip degrade" in out.split("Example")[1]


def test_help_needs_no_heavy_import():
    code = (
        "import sys; sys.argv = ['nasdip', '--help']\n"
        "from nasdip.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([m for m in ('torch', 'skimage', 'matplotlib', 'numpy') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_python_m_nasdip_reports_errors_on_standard_error(tmp_path):
    command = [sys.executable, "-m", "nasdip", "zoo", "show", "missing"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nasdip: error: no architecture 'missing' in the zoo")
    assert len(done.stderr.splitlines()) == 1
