"""The worker of the fuzzers catches what it is there to catch."""

import dataclasses

import pytest
from fuzz.worker import MEMORY, Run, faults

GOOD = Run(code=2, out="", err="device: cpu\ninspectnet: there is no file x. Give another.\n", cpu=1, peak=1 << 28)


def test_commands_that_end_as_they_should_have_no_faults():
    assert [faults(run) for run in (GOOD, Run(0, "done", "device: cpu\n", 1, 1 << 28), Run(1, "", "", 1, 1))] == [
        []
    ] * 3


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"code": 3}, "exit code 3"),
        ({"code": 130}, "exit code 130"),
        ({"code": -11}, "ended by SIGSEGV"),
        ({"cpu": 21}, "more than 20 s of CPU time"),
        ({"peak": MEMORY + 1}, "more than 2 GiB of memory"),
        ({"err": "device: cpu\n"}, "0 lines of the error"),
        ({"err": GOOD.err + "goodbye\n"}, "1 lines of the error instead of one at the end"),
        ({"err": GOOD.err * 2}, "2 lines of the error"),
        ({"err": "Traceback (most recent call last):\n" + GOOD.err}, "lines of a library"),
        ({"err": "a.py:3: UserWarning: no\n" + GOOD.err}, "lines of a library"),
        ({"err": "device: \x1b[31mcpu\n" + GOOD.err}, "lines of a library"),
    ],
)
def test_a_command_that_ends_otherwise_is_caught(change, fault):
    (wrong,) = faults(dataclasses.replace(GOOD, **change))
    assert wrong.startswith(fault)
