"""What lies on disk: FACS, captions, samples, shards."""
