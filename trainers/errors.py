"""What a trainer can say no to; the command line turns it into one line and exit code 2."""


class TrainerError(Exception):
    """What, where, what to do: the user can act on it."""


class DataError(TrainerError):
    """The pictures cannot be found or read."""


class ResumeError(TrainerError):
    """The run directory belongs to another run."""


class InUseError(TrainerError):
    """Another process works in the run directory."""


class DivergedError(TrainerError):
    """The loss is no longer a number."""


class ExportError(TrainerError):
    """The exported graph does not say what the network says."""


def one_line(text: object) -> str:
    """Text that a file or a library may have a part in, fit for one line of a terminal: no control characters."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text).strip())
