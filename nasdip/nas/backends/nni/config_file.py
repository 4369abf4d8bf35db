"""Reading the YAML of an experiment as NNI reads it."""

import copy
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from nasdip.errors import NasdipError

_NNI_1 = "trainingServicePlatform"


class ConfigFile(NamedTuple):
    """An experiment's configuration.

    `original` is NNI's object as the file says; in `canonical`, paths are absolute and the settings of trials stand
    in the training service, but for the search space, which is kept apart.
    """

    original: Any
    canonical: Any
    space_file: Path | None

    @property
    def services(self) -> list[Any]:
        """The training services: one, or several of a hybrid."""
        service = self.canonical.training_service
        return service if isinstance(service, list) else [service]


def read_config(path: Path) -> ConfigFile:
    """Read an experiment's YAML; NasdipError for what cannot be read at all."""
    original = _load(_read_yaml(path), path.parent)
    canonical = copy.deepcopy(original)
    space_file = canonical.search_space_file
    canonical.search_space_file = None
    if canonical.nni_manager_ip is None:
        canonical.nni_manager_ip = ""  # so that NNI does not look for one in the network
    try:
        canonical._canonicalize([])
    except Exception as error:  # whatever it meets in fields of wrong types
        raise NasdipError(refusal(error)) from None
    return ConfigFile(original, canonical, None if space_file is None else path.parent / Path(space_file).expanduser())


def refusal(error: Exception) -> str:
    """Return NNI's reason in one line; its assertions have no message, but say what they demand."""
    message = str(error)
    if isinstance(error, AssertionError) and not message:
        message = str(traceback.extract_tb(error.__traceback__)[-1].line)
    return f"NNI refuses it: {' '.join(message.split())}; check the spelling, the type and the place of that field"


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NasdipError(f"cannot read {path} ({error.strerror}): give the YAML file of an experiment") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise NasdipError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise NasdipError(f"{path} does not hold KEY: VALUE lines: start from one in experiments/")
    if _NNI_1 in data:
        raise NasdipError(f"{path} is in the format of NNI 1 ({_NNI_1}): start from one in experiments/")
    if data.get("experimentType", "hpo") != "hpo":
        raise NasdipError(f"experimentType {data['experimentType']} is not supported: remove the line")
    return data


def _load(data: dict[str, Any], base: Path) -> Any:
    from nni.experiment.config import ExperimentConfig, utils
    from nni.experiment.config.training_service import TrainingServiceConfig

    utils.set_base_path(base)
    try:
        config = ExperimentConfig(**data)
    except Exception as error:  # of whatever type NNI's constructors meet
        raise NasdipError(refusal(error)) from None
    finally:
        utils.unset_base_path()
    services = config.training_service if isinstance(config.training_service, list) else [config.training_service]
    if not services or not all(isinstance(service, TrainingServiceConfig) for service in services):
        raise NasdipError(
            "trainingService is missing or of an unknown platform: add trainingService: {platform: local}"
        )
    return config
