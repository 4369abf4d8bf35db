import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from example_runs import HOSTILE, ReportedRun, clean_image, noisy_image, write_restoration, write_search
from page import Page

from nasdip.cli.commands.status import describe_run
from nasdip.errors import NasdipError
from nasdip.files import read_json, write_json
from nasdip.records.run_folder import RunFolder
from nasdip.records.trial_result import TrialResult
from nasdip.report.charts import FILES
from nasdip.report.report import write_report
from nasdip.report.text.glossary import GLOSSARY

GREY = noisy_image(clean_image(64, 1))


@pytest.fixture(scope="module")
def page(finished: ReportedRun) -> Page:
    return Page(finished.text)


def test_a_finished_search_has_every_section_and_figure(finished: ReportedRun, page: Page) -> None:
    assert finished.report == finished.folder / "report.html"
    assert [attributes.get("id") for attributes in page.all("section")] == [
        "images", "trust", "spectra", "search", "run", "glossary",
    ]  # fmt: skip
    assert sorted(p.name for p in (finished.folder / "figures").iterdir()) == sorted(f"{name}.png" for name in FILES)
    assert page.mistakes == []


def test_the_numbers_of_the_run_are_told(finished: ReportedRun, page: Page) -> None:
    best = RunFolder(finished.folder).best()
    assert best is not None
    restoration = RunFolder(finished.folder).final.read()
    assert restoration.psnr is not None
    for number in (best.reward, restoration.psnr, restoration.repetitions[0].oracle_psnr):
        assert f"{number:.2f}" in page.text
    assert f"{restoration.sigma:.1f}" in page.text
    assert "14 of 14 trials done." in page.text
    assert "went back to the state of step 30" in page.text
    assert "random search would be expected to reach" in page.text


def test_nothing_is_loaded_from_elsewhere(finished: ReportedRun, page: Page) -> None:
    for element in page.elements:
        for name in ("src", "srcset", "data", "poster", "xlink:href"):
            value = element.attributes.get(name, "")
            assert value.startswith(("data:", "#")) or value == "", (element.tag, name, value)
        href = element.attributes.get("href", "")
        assert element.tag == "a" or href.startswith(("data:", "#")) or href == "", (element.tag, href)
    assert not re.search(r"url\((?!#)|@import", finished.text)
    policies = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policies[0].startswith("default-src 'none'")


def test_hostile_text_stays_text(finished: ReportedRun, page: Page) -> None:
    assert finished.trials[2].error == HOSTILE
    assert "<script>alert" not in finished.text
    assert " ".join(HOSTILE.split()) in page.text
    assert "astronaut <b>.png" in page.text
    assert len(page.all("script")) == 1


def test_ids_are_unique_and_references_resolve(finished: ReportedRun, page: Page) -> None:
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    used = re.findall(r"url\(#([^)]+)\)", finished.text)
    used += [
        e.attributes[k][1:] for e in page.elements for k in ("href", "xlink:href") if e.attributes.get(k, "")[:1] == "#"
    ]
    assert used
    assert set(used) <= set(ids)


def test_charts_take_their_colours_from_the_page(finished: ReportedRun) -> None:
    charts = re.findall(r'<figure class="chart.*?</svg>', finished.text, flags=re.DOTALL)
    assert len(charts) == 10
    for chart in charts:
        assert "var(--ink)" in chart
        assert not re.search(r"#[0-9a-f]{6}\b", chart)


def test_images_have_texts_and_the_slider_a_name(page: Page) -> None:
    assert all(image["alt"] for image in page.all("img"))
    assert all(svg.get("aria-label") for svg in page.all("svg"))
    assert [control.get("aria-label") for control in page.all("input")] == ["How much of the left image is shown"]
    assert [layer["data-name"] for layer in page.all("figure") if "layer" in layer.get("class", "")] == [
        "noisy", "restored", "mean of fits", "reference", "last", "oracle", "clean",
    ]  # fmt: skip


def test_every_trial_has_a_row_and_what_became_of_it(finished: ReportedRun, page: Page) -> None:
    rows = [row["class"] for row in page.all("tr") if row.get("class")]
    assert [row.split()[0] for row in rows] == [trial.status for trial in finished.trials]
    assert sum("best" in row for row in rows) == 1
    assert "result of trial 1" in page.text


def test_every_number_has_an_entry_in_the_glossary(finished: ReportedRun) -> None:
    logged = {key for trial in finished.trials for key in trial.diagnostics}
    assert logged
    assert {name.replace("_", " ") for name in logged} <= set(GLOSSARY)
    shown = {
        "reward",
        "held-out PSNR",
        "oracle",
        "whiteness statistic",
        "detail correlation",
        "noise level",
        "parameters",
        "estimated PSNR",
        "expected error",
        "mean of fits",
        "reference",
        "refined",
        "score",
        "image of step",
        "stopping rule",
        "SURE",
        "ES-WMV",
    }
    assert shown <= set(GLOSSARY)


@pytest.mark.usefixtures("real_figures")
def test_writing_again_gives_the_same_page_but_for_its_time(finished: ReportedRun) -> None:
    again = write_report(finished.folder, random_run=finished.folder.parent / "random").read_text(encoding="utf-8")
    made = r"at \d{4}-\d\d-\d\dT[\d:+]+\."
    assert re.sub(made, "", again) == re.sub(made, "", finished.text)
    assert not list(finished.folder.glob(".*"))


def test_a_search_before_its_first_trial(tmp_path: Path) -> None:
    write_search(tmp_path, noisy=GREY, clean=None, trials=0, final=False)
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert page.mistakes == []
    assert "No trial has ended yet" in page.text
    assert "No architecture was fitted yet." in page.text
    assert "There is no restored image yet" in page.text
    assert list((tmp_path / "figures").iterdir()) == []


def test_a_search_whose_trials_all_failed(tmp_path: Path) -> None:
    made = write_search(tmp_path, noisy=GREY, clean=None, trials=3, final=False)
    for trial in (1, 2):
        (tmp_path / f"trials/{trial:04d}.json").unlink()
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert made[2].status == "failed"
    assert "No trial could be fitted so far" in page.text
    assert page.mistakes == []


def test_a_killed_search_without_clean_image_in_its_final_fit(tmp_path: Path) -> None:
    made = write_search(tmp_path, noisy=GREY, clean=None, trials=6, planned=6, searcher="random", final=False)
    write_restoration(tmp_path / "final", noisy=GREY, clean=None, repeats=1, finished=False)
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "1 of 2 repetitions done" in page.text
    assert "no comparable random run was given" in page.text
    assert "logged no policy entropy" in page.text
    assert "Rewards come from held-out pixels" in page.text
    assert "--resume" in page.text
    assert str(max(made, key=lambda trial: trial.reward).architecture) in page.text.replace(" ", "")
    assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == ["pareto.png", "reward.png", "steps.png"]


def test_a_better_architecture_than_that_of_the_restored_image_is_told(tmp_path: Path) -> None:
    write_search(tmp_path, noisy=GREY, clean=None, trials=6, planned=9, final=False)
    write_restoration(tmp_path / "final", "bilinear:111.011.001", noisy=GREY, clean=None, repeats=1)
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "made with an earlier best architecture, bilinear: 111. 011. 001" in page.text


@pytest.mark.parametrize(
    ("architecture", "channels", "steps"),
    [("dip+bilinear:4.4.4", 1, 60), ("bilinear+conv3:1", 4, 60), ("pixel-shuffle+conv1+prelu:11.11:w8", 3, 1)],
)
def test_a_restoration_alone(tmp_path: Path, architecture: str, channels: int, steps: int) -> None:
    noisy = noisy_image(clean_image(16, channels))
    write_restoration(tmp_path, architecture, noisy=noisy, clean=None, repeats=1, steps=steps)
    text = write_report(tmp_path).read_text(encoding="utf-8")
    page = Page(text)
    assert page.mistakes == []
    assert "This is a restoration alone" in page.text
    assert "No clean image was given, so PSNR and SSIM are unknown" in page.text
    assert "There was one repetition" in page.text
    assert ("first of 4 channels" in page.text) == (channels == 4)
    assert "oracle PSNR (dB)" not in page.text


@pytest.mark.usefixtures("real_figures")
def test_figures_of_one_step_and_four_channels_are_drawn(tmp_path: Path) -> None:
    noisy = noisy_image(clean_image(16, 4))
    write_restoration(tmp_path, "bilinear+conv3:1", noisy=noisy, clean=None, repeats=1, steps=1)
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert page.mistakes == []
    assert {p.name for p in (tmp_path / "figures").iterdir()} >= {"bands.png", "residual.png"}


def test_what_is_known_without_a_clean_image_is_told(tmp_path: Path) -> None:
    write_restoration(tmp_path, noisy=GREY, clean=None, told=True)
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert page.mistakes == []
    assert "Estimated PSNR 28.00 dB 90 % interval 27.50 to 28.50 dB" in page.text
    assert "PSNR unknown" not in page.text
    assert "By the rule reference" in page.text
    assert "step 40 of 60, 40 of 60" in page.text
    assert "Refined: the mean of 2 fits" in page.text
    assert "the map of the expected error and the residual below are what can be judged" in page.text
    assert "stopping rule reference" in page.text
    alts = [image["alt"] for image in page.all("img")]
    assert sum(alt.startswith("Map of the expected error") for alt in alts) == 1
    assert (tmp_path / "figures/uncertainty.png").exists()
    assert "1137/120874989" in " ".join(link["href"] for link in page.all("a"))


def test_the_true_psnr_stands_beside_the_estimated_one(finished: ReportedRun, page: Page) -> None:
    made = RunFolder(finished.folder).final.read()
    assert made.expected is not None
    assert made.psnr is not None
    assert f"Estimated PSNR {made.expected.psnr:.2f} dB" in page.text
    assert f"{made.psnr:.2f} dB, inside the interval (+0.20 dB from the estimate)" in page.text


def test_a_restoration_of_an_earlier_version(tmp_path: Path) -> None:
    """Without stopping rule, kind of noise, refinement and estimate, none of which its files know."""
    clean = clean_image(64, 1)
    write_restoration(tmp_path, noisy=GREY, clean=clean)
    record = read_json(tmp_path / "record.json")
    for name in ("kind", "refined", "expected_psnr"):
        del record["result"][name]
    for settings in (record["settings"]["config"], record["result"]["config"]):
        del settings["stop"]
    write_json(tmp_path / "record.json", record)
    for fit in tmp_path.glob("repetition-*/fit.json"):
        numbers = read_json(fit)
        write_json(fit, {name: value for name, value in numbers.items() if name not in ("ahead", "choices")})
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert page.mistakes == []
    assert "By no rule: 60 steps" in page.text
    assert "Not refined. The image is the mean of 2 fits." in page.text
    assert "none: this run did not estimate it" in page.text
    assert "Estimated PSNR" not in page.text
    assert "PSNR, restored" in page.text
    assert "mean of the repetitions' averaged outputs" in page.text
    assert not (tmp_path / "figures/uncertainty.png").exists()


def test_status_tells_the_estimate_and_whether_to_go_on(tmp_path: Path) -> None:
    write_restoration(tmp_path / "told", noisy=GREY, clean=None, told=True)
    assert "estimated    PSNR 28.00 dB; 90 % interval 27.50 to 28.50 dB" in describe_run(tmp_path / "told")
    assert "may be ahead" not in describe_run(tmp_path / "told")
    fit = tmp_path / "told/repetition-01/fit.json"
    write_json(fit, {**read_json(fit), "ahead": True})
    assert "of repetition 1 ended at its last step" in describe_run(tmp_path / "told")
    write_restoration(tmp_path / "plain", noisy=GREY, clean=None)
    assert "estimated" not in describe_run(tmp_path / "plain")


def test_an_unfinished_restoration_alone(tmp_path: Path) -> None:
    write_restoration(tmp_path, noisy=GREY, clean=None, finished=False)
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "The restoration is not finished: 2 repetitions so far." in page.text
    assert "There is no restored image yet" in page.text


@pytest.mark.usefixtures("real_figures")
def test_an_image_that_was_not_changed(tmp_path: Path) -> None:
    flat = np.full((16, 16, 1), 0.5, dtype=np.float32)
    write_restoration(tmp_path, noisy=flat, clean=None, repeats=1)
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "The residual is constant: nothing was removed." in page.text
    assert not (tmp_path / "figures/periodogram.png").exists()


def test_figures_of_an_earlier_report_are_removed(tmp_path: Path) -> None:
    write_search(tmp_path, noisy=GREY, clean=None, trials=0, final=False)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/reward.png").write_bytes(b"old")
    (tmp_path / "figures/mine.png").write_bytes(b"kept")
    write_report(tmp_path)
    assert [p.name for p in (tmp_path / "figures").iterdir()] == ["mine.png"]


@pytest.mark.usefixtures("real_figures")
def test_a_thousand_trials_stay_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunFolder, "write_trial", _write_trial_only)
    write_search(tmp_path, noisy=GREY, clean=None, trials=1000, planned=1000, final=False)
    report = write_report(tmp_path)
    assert report.stat().st_size < 2_000_000


def _write_trial_only(run: RunFolder, result: TrialResult) -> None:
    """Write a trial without the table of all, which takes a time that grows with their number."""
    write_json(run.path / f"trials/{result.trial:04d}.json", result.to_json())


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NasdipError, match=r"neither the folder of a search .* nor of a restoration"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_random_run_of_another_task_is_refused(finished: ReportedRun, tmp_path: Path) -> None:
    with pytest.raises(NasdipError, match="not a run of the random searcher"):
        write_report(finished.folder, random_run=finished.folder)
    write_search(tmp_path / "random", noisy=GREY, clean=None, trials=2, searcher="random", final=False)
    with pytest.raises(NasdipError, match="another noisy image and another kind of reward"):
        write_report(finished.folder, random_run=tmp_path / "random")
    write_restoration(tmp_path / "alone", noisy=GREY, clean=None, repeats=1)
    with pytest.raises(NasdipError, match="no rewards to compare"):
        write_report(tmp_path / "alone", random_run=tmp_path / "random")


def test_no_torch_is_imported() -> None:
    code = "import sys, nasdip.report.report, nasdip.report.figures.training; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, check=False)
    assert done.returncode == 0
