"""``python -m emocap``."""

from emocap.cli import main

main()
