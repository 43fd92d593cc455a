"""The engine: the loop, checkpoints, logs, guards, ranks and Ray workers that every method shares."""
