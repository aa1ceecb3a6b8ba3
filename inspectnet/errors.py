"""The errors a user can cause, as one tree; the command line turns each into one line and exit code 2.

InspectError
├── ModelError      a model file that cannot be opened, or is not an image network
├── LayerError      no layer, map or position of that name
├── RuleError       an operator without a rule for the way down
├── ImageError      an image, or a folder of images, that cannot be read
├── DeviceError     a device that was asked for and is not there
├── OptionError     an option whose value makes no sense here
└── OutputError     a result that cannot be written

A message has three parts: what is wrong, where, and what to do about it.
"""

import difflib
from collections.abc import Iterable


class InspectError(Exception):
    """The root of all errors that a user can cause and mend."""


class ModelError(InspectError):
    """A model file that cannot be opened, or is not an image network."""


class LayerError(InspectError):
    """No layer, map or position of that name."""


class RuleError(InspectError):
    """An operator without a rule for the way down."""


class ImageError(InspectError):
    """An image, or a folder of images, that cannot be read."""


class DeviceError(InspectError):
    """A device that was asked for and is not there."""


class OptionError(InspectError):
    """An option whose value makes no sense here."""


class OutputError(InspectError):
    """A result that cannot be written."""


def nearest(name: str, choices: Iterable[str], limit: int = 3) -> str:
    """The choices that look most like `name`, as a phrase for a message; empty if none is near."""
    near = difflib.get_close_matches(name, list(choices), n=limit, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""
