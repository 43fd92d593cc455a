"""emocap: facial-emotion captions, the encoders learned from them, and their measurement."""
