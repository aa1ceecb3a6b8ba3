"""Writing activations as a job."""

from inspectnet.engines import Job
from inspectnet.recording.request import Request
from inspectnet.recording.work import RecordingWork, failures_of, images_file, is_done

RECORDING = Job(
    "inspectnet.recording", "writing activations", Request, images_file, is_done, failures_of, RecordingWork
)
