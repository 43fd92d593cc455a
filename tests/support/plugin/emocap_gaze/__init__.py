"""A plug-in of emocap: a task, a reader, a kind of input, a detector, a captioner and a method, in one file each."""


def register() -> None:
    """Called by emocap once in every process."""
    from emocap.benchmarks.reading import READERS
    from emocap.captioning.registry import CAPTIONERS
    from emocap.dataset.sources import KINDS
    from emocap.evaluation.registry import TASKS
    from emocap.faces.detection import DETECTORS
    from emocap.methods.registry import METHODS

    from . import captioner, detector, inputs, method, reader, task

    CAPTIONERS.register(captioner.CAPTIONER)
    TASKS.register(task.TASK)
    READERS.register(reader.GazeTable)
    KINDS.register(inputs.KIND)
    DETECTORS.register(detector.DETECTOR)
    METHODS.register(method.METHOD)
