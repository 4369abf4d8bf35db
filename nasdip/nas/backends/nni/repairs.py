"""Faults of NNI 3.0 in the tuner's process, mended there: without this, NNI hangs where it should end or go on."""

from collections.abc import Callable
from typing import Any, NoReturn

from nasdip.nas.backends.nni.plain_json import refuse_objects


def mend_dispatcher(end: Callable[[BaseException], NoReturn]) -> None:
    """Mend NNI's dispatcher, the loop that calls the tuner.

    - An exception in one of its threads, its own or the tuner's, ends the thread alone, and the experiment then waits
      for ever: now `end` is called.
    - After a resume it takes parameter ids for those of the earlier process by comparing numbers. Ids begin at 0 again
      where a job ends before it knows them, and it then fails at the first result of a new job: now no id is taken
      for an earlier one. Results are known by their own number anyway.
    - It makes objects of what JSON names.
    """
    from nni.recoverable import Recoverable
    from nni.runtime.msg_dispatcher_base import MsgDispatcherBase

    refuse_objects()
    process = MsgDispatcherBase.process_command
    if getattr(process, "ends_on_error", False):
        return

    def process_command(self: Any, command: Any, data: Any) -> None:
        try:
            process(self, command, data)
        except BaseException as error:
            end(error)

    process_command.ends_on_error = True  # type: ignore[attr-defined]
    MsgDispatcherBase.process_command = process_command
    Recoverable.is_created_in_previous_exp = lambda self, parameter_id: False
