"""``python -m emocap``."""

from emocap.cli.main import main

main()
