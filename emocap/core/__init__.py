"""What everything else stands on: errors, recipes, registries, progress, files, threads, a Ray session."""
