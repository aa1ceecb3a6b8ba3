"""What a finished graph gets right, as onnxruntime answers: the centre crop, without dropout or augmentation."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from trainers.architectures.modules import build, parameter_count
from trainers.data.pixels import evenly_spaced
from trainers.devices import join
from trainers.evaluation.accuracy import Accuracy, measure
from trainers.export.onnx_file import graph_network
from trainers.job import Job, open_pictures

TRAIN_SAMPLE = 10_000  # evenly spaced training pictures that stand for the training error


@dataclass(frozen=True)
class Outcome:
    """Size and accuracy of a network."""

    parameters: int
    train: Accuracy
    val: Accuracy


def measure_graph(job: Job, graph: Path) -> Outcome:
    """The outcome of a job's finished graph."""
    place = join("cpu", job.threads)
    with torch.device("meta"):  # shapes without memory
        parameters = parameter_count(build(job.architecture))
    pictures, side = open_pictures(replace(job, train_sample=TRAIN_SAMPLE), place), job.architecture.side
    assert pictures.seen is not None
    net, sample = graph_network(graph, job.threads), evenly_spaced(len(pictures.seen), TRAIN_SAMPLE)
    train = measure(net, pictures.seen, side, pictures.prepare, place, sample, job.workers)
    return Outcome(parameters, train, measure(net, pictures.val, side, pictures.prepare, place, workers=job.workers))
