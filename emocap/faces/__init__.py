"""From an image to face records: safe decoding, detectors, crops, quality measures."""
