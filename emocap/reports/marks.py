"""The marks of a model's points, in SVG."""

# Tested in tests/reports/test_section.py.

from emocap.reports.leaderboard import Line

_SYMBOLS = ("circle", "square", "diamond", "triangle")


def symbol(line: Line, x: float, y: float) -> str:
    """The mark of a model's points: colours alone do not tell models apart for everybody."""
    size = 2.2 if line.published else 3.6
    kind = "circle" if line.published else _SYMBOLS[int(line.key[1:]) % len(_SYMBOLS)]
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{line.colour}"></circle>'
    corners = {
        "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        "diamond": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
        "triangle": [(0, -1.3), (1.2, 0.9), (-1.2, 0.9)],
    }[kind]
    points = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" fill="{line.colour}"></polygon>'
