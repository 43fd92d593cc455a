"""The tasks, one file each: what a benchmark of it needs, how it is measured, and how results are shown."""
