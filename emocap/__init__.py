"""emocap: facial-emotion captions, the encoders learned from them, and their measurement."""

__version__ = "0.1.0"
