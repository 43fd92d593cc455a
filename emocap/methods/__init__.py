"""What can be trained, a folder each: model, data, step and recipe."""
