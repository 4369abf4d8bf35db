"""What the tuner notes of NNI for `nasdip status` and the report: service.json in the run folder."""

import logging
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from nasdip.nas.backends.nni.ports import listening
from nasdip.records.run_folder import RunFolder

# NNI's own logger writes to the experiment's log folder.
log = logging.getLogger("nni.nasdip")


class ServiceNotes:
    """The notes of one process on the experiment `name`.

    Attributes
    ----------
    bound : bool
        Whether the guard binds parameters to NNI's jobs, so that NNI's records of them are right.
    lost : list of dict
        The jobs that ended before they took an architecture, and why.
    """

    def __init__(self, folder: RunFolder, name: str) -> None:
        self._folder, self._name = folder, name
        self.bound = os.environ.get("NASDIP_NNI_GUARD") == "1"
        self.lost: list[dict[str, str]] = []
        self.failure: str | None = None
        self._port = urlsplit(os.environ.get("NNI_TUNER_COMMAND_CHANNEL", "")).port
        earlier = folder.service()
        self._exposed_before = sorted({*earlier.get("exposed_before", []), *earlier.get("exposed", [])})
        self._facts: dict[str, Any] = {}

    def write(self, profile: Mapping[str, Any], children: int) -> None:
        """Write the notes, with what the experiment's configuration says now."""
        self._facts = {"concurrency": profile.get("trialConcurrency"), "children": children}
        self.update()

    def update(self) -> None:
        """Write the notes again."""
        notes = {
            "service": "nni",
            "experiment": self._name,
            "port": self._port,
            "exposed": self.exposed(),
            "exposed_before": self._exposed_before,
            "parameters_bound": self.bound,
            **self._facts,
            "lost": self.lost,
            "failure": self.failure,
        }
        if notes != self._folder.service():
            self._folder.write_service(notes)

    def exposed(self) -> list[str]:
        """Return the addresses at which other machines reach NNI's port with nothing before it."""
        if self._port is None or self.bound:  # the guard lets other machines in as workers alone
            return []
        return [str(found) for found in listening(self._port) if not found.is_loopback]

    def warn(self) -> None:
        """Say loudly that NNI's port is open."""
        exposed = self.exposed()
        if exposed:
            log.critical(
                "NNI'S PORTAL IS OPEN TO THE NETWORK at %s, without a password: whoever reaches it can stop the search "
                "and run programs as this user. Launch with 'nasdip nnictl' instead of 'nnictl' to close it.",
                ", ".join(exposed),
            )
