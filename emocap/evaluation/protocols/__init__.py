"""What is done with an encoder's features: zero-shot, probes, few-shot, retrieval."""
