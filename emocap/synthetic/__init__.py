"""Faces drawn from action units: unlimited, licence-free pictures of which everything is known.

A picture is who (`Identity`), what the face does (`Expression`) and how it is seen (`Scene`), drawn by `draw`;
`sample` draws picture after picture of an endless, seeded collection. What the action units do to a face follows the
FACS manual (Ekman, Friesen & Hager, 2002); how far they move it is our reading. From the inside out: `people`,
`expressions` and `scene` say what to draw, `motion` and `features` where the parts lie, `geometry` projects them,
`canvas` paints, and the other modules paint one part each.
"""

from emocap.synthetic.expressions import EMOTIONS7, Expression, sample_expression
from emocap.synthetic.people import Identity
from emocap.synthetic.portrait import DrawnFace, draw, sample
from emocap.synthetic.scene import Scene

__all__ = ["EMOTIONS7", "DrawnFace", "Expression", "Identity", "Scene", "draw", "sample", "sample_expression"]
