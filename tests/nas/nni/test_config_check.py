import json
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from skimage.data import astronaut
from skimage.util import img_as_float32

from nasdip.io.image_file import write_image
from nasdip.nas.backends.nni.config_check import problems
from nasdip.nas.backends.nni.config_gpus import count_gpus, slots

ROOT = Path(__file__).resolve().parents[3]
EXPERIMENTS = ROOT / "experiments"
READY = sorted(EXPERIMENTS.glob("denoise_*.yml"))
REMOTE = EXPERIMENTS / "denoise_remote.yml"


@pytest.fixture(autouse=True)
def _no_overrides(monkeypatch):
    for name in ("NASDIP_IMAGE", "NASDIP_NOISE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "id_ed25519"
    path.write_text("a key", encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def small_picture(tmp_path_factory):
    """A picture whose noise is measured in no time, as each check does."""
    path = tmp_path_factory.mktemp("picture") / "small.png"
    write_image(path, img_as_float32(astronaut()[80:96, 210:226, 0]))
    return path


@pytest.fixture
def write(tmp_path, key, small_picture):
    """Write one of the ready experiments to another folder, with changes, and return its path."""

    def written(changes=None, ready="denoise_cpu.yml"):
        data = yaml.safe_load((EXPERIMENTS / ready).read_text(encoding="utf-8"))
        for name in ("experimentWorkingDirectory", "searchSpaceFile", "trialCodeDirectory"):
            data[name] = str((EXPERIMENTS / data[name]).resolve())
        for name in {"tuner", "assessor"} & set(data):
            data[name]["codeDirectory"] = str(ROOT)
        data["tuner"]["classArgs"]["image"] = str(small_picture)
        for machine in data["trainingService"].get("machineList", []):
            machine["sshKeyFile"] = str(key)
        if changes is not None:
            changes(data)
        path = tmp_path / "experiment.yml"
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        return path

    return written


def test_there_are_four_ready_experiments():
    assert [path.stem for path in READY] == ["denoise_cpu", "denoise_multi_gpu", "denoise_one_gpu", "denoise_remote"]


@pytest.mark.parametrize("ready", READY, ids=lambda path: path.stem)
def test_ready_experiments_are_sound_for_nni_and_for_us(ready, write):
    from nni.experiment.config import ExperimentConfig

    path = write(ready=ready.name)
    ExperimentConfig.load(path).validate()
    assert problems(path, gpus=4) == []


@pytest.fixture
def picture_of_the_environment(monkeypatch, small_picture):
    """Let experiments take the small picture, in place of theirs."""
    monkeypatch.setenv("NASDIP_IMAGE", str(small_picture))
    monkeypatch.setenv("NASDIP_NOISE", "25")


def test_the_picture_of_a_ready_experiment_is_found_as_shipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert problems(READY[0], gpus=4) == []


@pytest.mark.usefixtures("picture_of_the_environment")
@pytest.mark.parametrize("ready", [path for path in READY if path != REMOTE], ids=lambda path: path.stem)
def test_relative_paths_start_at_the_folder_of_the_yaml(ready, tmp_path, monkeypatch):
    from nni.experiment.config import ExperimentConfig

    monkeypatch.chdir(tmp_path)
    sent = ExperimentConfig.load(ready).json()  # what nnictl sends to NNI's manager
    assert sent["experimentWorkingDirectory"] == str(ROOT / "runs")
    assert sent["trainingService"]["trialCodeDirectory"] == str(ROOT)
    algorithms = [sent[name] for name in ("tuner", "assessor") if name in sent]
    assert all(algorithm["codeDirectory"] == str(ROOT) for algorithm in algorithms)
    assert sent["searchSpace"] == json.loads((ROOT / "search_spaces/nas_dip.json").read_text(encoding="utf-8"))
    assert problems(ready, gpus=4) == []


@pytest.mark.usefixtures("picture_of_the_environment")
def test_remote_experiment_as_shipped_wants_the_keys_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = problems(REMOTE)
    assert len(found) == 2
    assert all("there is no sshKeyFile" in problem for problem in found)


def test_remote_machines_get_a_small_folder():
    folder = REMOTE.parent / yaml.safe_load(REMOTE.read_text(encoding="utf-8"))["trialCodeDirectory"]
    tracked = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in tracked) < 5 * 2**20


def test_multi_gpu_experiment_uses_every_slot():
    data = yaml.safe_load((EXPERIMENTS / "denoise_multi_gpu.yml").read_text(encoding="utf-8"))
    service = data["trainingService"]
    gpus = len(service["gpuIndices"])
    assert data["trialConcurrency"] == slots(data["trialGpuNumber"], service["maxTrialNumberPerGpu"], gpus, gpus)


def _set(*path, to):
    def change(data):
        for name in path[:-1]:
            data = data[name]
        data[path[-1]] = to

    return change


def _drop(name):
    return lambda data: data.pop(name)


def _both(*changes):
    def change(data):
        for one in changes:
            one(data)

    return change


STOCK = {"name": "Medianstop", "classArgs": {"optimize_mode": "maximize"}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_drop("searchSpaceFile"), "searchSpaceFile is missing"),
        (_set("searchSpaceFile", to="nowhere.json"), "nowhere.json does not exist"),
        (_set("searchSpaceFile", to=str(ROOT / "pyproject.toml")), "is not JSON"),
        (_both(_drop("searchSpaceFile"), _set("searchSpace", to={"x": {"_type": "loguniform"}})), "malformed at x"),
        (_drop("trialConcurrency"), "trialConcurrency must be 1 or more"),
        (_set("trialConcurrency", to=0), "trialConcurrency must be 1 or more"),
        (_set("trialConcurrency", to=True), "trialConcurrency must be 1 or more"),
        (_set("maxTrialNumber", to=0), "maxTrialNumber must be 1 or more"),
        (_both(_drop("maxTrialNumber"), _drop("maxExperimentDuration")), "would never end"),
        (_set("maxTrialDuration", to="ten minutes"), "maxTrialDuration 'ten minutes' is not a duration"),
        (_set("maxExperimentDuration", to="0h"), "maxExperimentDuration '0h' is not a duration"),
        (_drop("trialCommand"), "trialCommand is missing"),
        (_set("trialCommand", to="python -m nasdip.nas.backends.nni.trial"), "must end in exec"),
        (_set("trialCommand", to="exec true; python -m nasdip.nas.backends.nni.trial"), "must end in exec"),
        (_set("trialCommand", to="exec python 'unbalanced"), "must end in exec"),
        (_set("trialCommand", to="exec python -m nasdip.nas.backends.nni.trial | tee log"), "must end in exec"),
        (_drop("tuner"), "tuner is missing"),
        (_set("tuner", "className", to="nasdip.nas.backends.nni.tuner.Reinforce"), "there is no tuner nasdip"),
        (_set("tuner", "classArgs", "image", to="nowhere.png"), "tuner: "),
        (_set("tuner", "classArgs", "imgae", to="astronaut"), "no 'imgae'"),
        (_set("tuner", "classArgs", "children", to=0), "children is 0"),
        (_set("tuner", "classArgs", "candidates", to="dip"), "candidates is 'dip'"),
        (_set("tuner", "classArgs", "candidates", to=["nosuch"]), "unknown architecture 'nosuch'"),
        (_set("tuner", "classArgs", "target_ms", to=-1), "target of a step's cost is -1"),
        (_set("tuner", "classArgs", "warm_start", to=-1), "warm start -1 is out of range"),
        (_set("tuner", "classArgs", "recipe", to="slow"), "unknown recipe 'slow'"),
        (_set("tuner", "classArgs", to=[1]), "name no image"),
        (_set("assessor", "className", to="nasdip.nas.backends.nni.assessor.Halving"), "there is no assessor nasdip"),
        (_set("assessor", "classArgs", to={"factor": 1}), "assessor: early stopping needs a factor"),
        (_set("assessor", to={"name": "Curvefitting", "classArgs": {"epoch_num": 9}}), "Curvefitting"),
        (_set("assessor", to={"name": "Medianstop", "classArgs": {"optimize_mode": "minimize"}}), "stop the best"),
        (_both(_set("assessor", to=STOCK), _set("tuner", "classArgs", "children", to=2)), "children: 1"),
        (_set("trainingService", "reuseMode", to=True), "reuseMode: true"),
        (_set("trainingService", "gpuIndices", to=[0]), "gpuIndices does nothing without trialGpuNumber"),
        (_set("trainingService", to={"platform": "moon"}), "unknown platform"),
        (_drop("trainingService"), "trainingService is missing"),
        (_set("trialConcurency", to=2), "trialconcurency"),
        (_set("tuner", "classArguments", to={}), "classarguments"),
        (_set("logLevel", to="loud"), "self.log_level in ["),
        (_set("experimentName", to=[1]), "experiment_name"),
        (_set("experimentType", to="nas"), "experimentType nas is not supported"),
        (_set("trainingServicePlatform", to="local"), "format of NNI 1"),
    ],
)
def test_each_fault_is_told_in_one_line(write, change, words):
    found = problems(write(change), gpus=0)
    assert len(found) == 1, found
    assert words in found[0]
    assert "\n" not in found[0]


def test_all_faults_are_told_at_once(write):
    change = _both(_drop("trialConcurrency"), _set("trialCommand", to="true"), _drop("searchSpaceFile"))
    assert len(problems(write(change))) == 3


@pytest.mark.parametrize(
    "command",
    [
        "exec python -m nasdip.nas.backends.nni.trial",
        "cd there && exec python trial.py --note 'a; b' > log.txt 2>&1",
        "A=1 exec ./trial",
        "export A=1\nexec ./trial\n",
    ],
)
def test_commands_with_exec_pass(write, command):
    assert problems(write(_set("trialCommand", to=command))) == []


def test_an_image_of_the_environment_is_checked(write, monkeypatch):
    monkeypatch.setenv("NASDIP_IMAGE", "nowhere.png")
    assert "nowhere.png" in problems(write())[0]


def test_stock_median_assessor_understands_our_metrics(write):
    from nni.algorithms.hpo.medianstop_assessor import MedianstopAssessor
    from nni.assessor import AssessResult

    assert problems(write(_set("assessor", to=STOCK))) == []
    assessor = MedianstopAssessor("maximize")
    history = [{"default": 20.0, "step": 1}, {"default": 25.0, "step": 2}]
    assert assessor.assess_trial("a", history) == AssessResult.Good
    assessor.trial_end("a", True)
    worse = [{"default": 10.0, "step": 1}, {"default": 11.0, "step": 2}]
    assert assessor.assess_trial("b", worse) == AssessResult.Bad


def test_stock_curve_fitting_assessor_raises_where_it_must_not():
    from nni.algorithms.hpo.curvefitting_assessor.curvefitting_assessor import CurvefittingAssessor

    with pytest.raises(IndexError):
        CurvefittingAssessor(epoch_num=9).trial_end("a trial that ended without intermediate results", True)


def test_experiments_of_other_tuners_are_checked_for_what_nni_hangs_on_alone(write):
    def other(data):
        data["tuner"] = {"name": "Random"}
        data["searchSpace"] = {"x": {"_type": "uniform", "_value": [0, 1]}}
        del data["searchSpaceFile"], data["assessor"]

    assert problems(write(other)) == []
    assert "never end" in problems(write(_both(other, _drop("maxTrialNumber"), _drop("maxExperimentDuration"))))[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "cannot read"), ("a: [1", "is not YAML"), ("- a list", "KEY: VALUE"), ("", "KEY: VALUE"), ("1: 2", "KEY")],
)
def test_what_is_no_configuration_is_told(tmp_path, text, words):
    path = tmp_path / "experiment.yml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    found = problems(path)
    assert len(found) == 1
    assert words in found[0]
    assert "\n" not in found[0]


def test_a_folder_and_a_binary_file_are_told(tmp_path):
    assert "cannot read" in problems(tmp_path)[0]
    (tmp_path / "x.yml").write_bytes(b"\xff\xfe\x00a")
    assert "is not YAML" in problems(tmp_path / "x.yml")[0]


def test_a_refused_file_does_not_spoil_the_next_check(write):
    assert problems(write(_set("typo", to=1)))
    assert problems(write()) == []


def _gpus(number=1, concurrency=1, **service):
    def change(data):
        data.update(trialGpuNumber=number, trialConcurrency=concurrency)
        data["trainingService"].update({"useActiveGpu": True, **service})

    return change


@pytest.mark.parametrize(
    ("gpus", "change", "words"),
    [
        (0, _gpus(), "NNI finds no GPU here"),
        (1, _gpus(), "never scheduled on a machine with one GPU"),
        (1, _gpus(concurrency=3, maxTrialNumberPerGpu=2), "set trialConcurrency to 2 at most"),
        (1, _gpus(number=2, maxTrialNumberPerGpu=2), "never scheduled"),
        (4, _gpus(number=4), "never scheduled on a machine with 4 GPUs"),
        (4, _gpus(concurrency=5), "set trialConcurrency to 4 at most"),
        (4, _gpus(concurrency=3, gpuIndices=[0, 2]), "set trialConcurrency to 2 at most"),
        (4, _gpus(number=2, gpuIndices=[0]), "gpuIndices leaves too few"),
        (4, _gpus(gpuIndices="0,4"), "names a GPU that is not there"),
        (4, _gpus(useActiveGpu=None), "useActiveGpu must be true"),
        (4, _gpus(useActiveGpu=False), "useActiveGpu must be true"),
    ],
)
def test_gpu_settings_that_nni_freezes_at_are_refused(write, gpus, change, words):
    found = problems(write(change), gpus=gpus)
    assert len(found) == 1, found
    assert words in found[0]


@pytest.mark.parametrize(
    ("gpus", "change"),
    [
        (1, _gpus(concurrency=2, maxTrialNumberPerGpu=2)),
        (2, _gpus(concurrency=2)),
        (4, _gpus(number=2, concurrency=2)),
        (0, _gpus(number=0)),
    ],
)
def test_gpu_settings_that_nni_can_schedule_pass(write, gpus, change):
    assert problems(write(change), gpus=gpus) == []


SCHEDULER = """
const [root, cases] = process.argv.slice(2);
require(root + '/node_modules/app-module-path').addPath(root);
require('common/globals').globals.args = { logLevel: 'fatal' };
const { TaskScheduler, UnitTestHelpers } = require('common/trial_keeper/task_scheduler/scheduler');
async function room([trialGpus, perGpu, count, usable]) {
  const indices = [...Array(count).keys()];
  UnitTestHelpers.mockGpuInfo({ gpuNumber: count, gpus: indices.map(index => ({ index })), processes: [] });
  const scheduler = new TaskScheduler();
  await scheduler.init();
  const rest = { onlyUseIndices: indices.slice(0, usable) };
  let trials = 0;
  while (await scheduler.schedule('e', 't' + trials, trialGpus / perGpu, rest)) trials++;
  return trials;
}
(async () => {
  const found = [];
  for (const one of JSON.parse(cases)) found.push(await room(one));
  console.log(JSON.stringify(found));
  process.exit(0);
})();
"""


def test_slots_agree_with_the_scheduler_of_nni(tmp_path):
    cases = [
        (number, per_gpu, count, usable)
        for count in (1, 2, 4)
        for usable in range(1, count + 1)
        for number in (1, 2, 3)
        for per_gpu in (1, 2, 3)
    ]
    script = tmp_path / "scheduler.cjs"
    script.write_text(SCHEDULER, encoding="utf-8")
    root = Path(find_spec("nni_node").submodule_search_locations[0])
    done = subprocess.run(
        [root / "node", script, root, json.dumps(cases)], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == [slots(*case) for case in cases]
    assert {0, 1, 2, 4, 12} <= set(json.loads(done.stdout))


def _machine(number, **changes):
    return lambda data: data["trainingService"]["machineList"][number].update(changes)


def _remote_gpus(concurrency, **changes):
    change = _both(_machine(0, useActiveGpu=True, gpuIndices=[0, 1]), _machine(1, useActiveGpu=True, gpuIndices=[0]))
    return _both(
        change,
        _set("trialGpuNumber", to=1),
        _set("trialConcurrency", to=concurrency),
        _machine(1, **changes),
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_drop("nniManagerIp"), "nniManagerIp is missing"),
        (_set("nniManagerIp", to="127.0.0.1"), "reaches this machine alone"),
        (_machine(0, pythonPath=None), "machine first.example.org: pythonPath must be the absolute folder"),
        (_machine(1, pythonPath=".venv/bin"), "machine second.example.org: pythonPath"),
        (_machine(0, sshKeyFile="nowhere"), "there is no sshKeyFile"),
        (_machine(0, password="secret"), "use sshKeyFile instead"),
        (_set("trainingService", "reuseMode", to=True), "reuseMode: true"),
        (_set("trainingService", "machineList", to=[]), "at least one machine"),
        (_machine(0, hots="x"), "hots"),
        (_remote_gpus(4), "set trialConcurrency to 3 at most"),
        (_remote_gpus(3, useActiveGpu=False), "useActiveGpu must be true"),
    ],
)
def test_each_fault_of_a_remote_experiment_is_told(write, change, words):
    found = problems(write(change, ready=REMOTE.name))
    assert len(found) == 1, found
    assert words in found[0]


@pytest.mark.parametrize("change", [_remote_gpus(3), _remote_gpus(9, gpuIndices=None)])
def test_remote_concurrency_is_checked_where_every_machine_tells_its_gpus(write, change):
    assert problems(write(change, ready=REMOTE.name)) == []


def test_a_folder_that_nni_does_not_copy_is_refused(write, tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    for number in range(2001):
        (folder / str(number)).touch()
    change = _set("trialCodeDirectory", to=str(folder))
    assert "choose a small folder" in problems(write(change, ready=REMOTE.name))[0]
    (folder / ".nniignore").write_text("1*", encoding="utf-8")
    assert problems(write(change, ready=REMOTE.name)) == []


def test_a_key_that_others_can_read_is_refused(write, key):
    key.chmod(0o644)
    assert f"chmod 600 {key}" in problems(write(ready=REMOTE.name))[0]


def test_loopback_machines_may_have_a_loopback_manager(write):
    change = _both(_set("nniManagerIp", to="127.0.0.1"), _machine(0, host="localhost"), _machine(1, host="127.0.0.1"))
    assert problems(write(change, ready=REMOTE.name)) == []


def test_passwords_do_not_show_in_problems(write):
    change = _both(_machine(0, password="hunter2"), _drop("nniManagerIp"))
    found = problems(write(change, ready=REMOTE.name))
    assert len(found) == 2
    assert "hunter2" not in " ".join(found)


def test_without_nni_the_check_says_so(write, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert problems(write()) == ["NNI is not installed: pip install '.[nni]' in nasdip's checkout"]


def test_gpus_are_counted_as_nni_counts_them(capsys):
    runpy.run_module("nni.tools.nni_manager_scripts.collect_gpu_info", run_name="__main__")
    assert count_gpus() == json.loads(capsys.readouterr().out.splitlines()[-1]).get("gpuNumber", 0)


def test_faults_are_found_without_torch(tmp_path):
    text = (EXPERIMENTS / "denoise_cpu.yml").read_text().replace("../", f"{EXPERIMENTS.parent}/")
    (tmp_path / "wrong.yml").write_text(text.replace("maxTrialNumber: 40", "maxTrialNumber: 0"))
    code = (
        "import sys; from pathlib import Path; from nasdip.nas.backends.nni.config_check import problems; "
        f"assert problems(Path({str(tmp_path / 'wrong.yml')!r})) != []; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.usefixtures("picture_of_the_environment")
@pytest.mark.parametrize(
    ("line", "words"),
    [("width: 8", "width 8 does not suit"), ("searcher_settings: {speed: 2}\n    width: 32", "has no setting 'speed'")],
)
def test_what_the_searcher_would_refuse_is_refused_before(tmp_path, line, words):
    text = (EXPERIMENTS / "denoise_cpu.yml").read_text().replace("../", f"{EXPERIMENTS.parent}/")
    (tmp_path / "config.yml").write_text(text.replace("width: 32", line).replace(": ..\n", f": {EXPERIMENTS.parent}\n"))
    found = problems(tmp_path / "config.yml")
    assert len(found) == 1
    assert words in found[0]


def test_an_assessor_and_several_children_are_refused(write):
    (problem,) = problems(write(lambda data: data["tuner"]["classArgs"].update(children=4)))
    assert "set children: 1, or drop the assessor" in problem
