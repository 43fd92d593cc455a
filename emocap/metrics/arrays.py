"""The kinds of arrays that metrics take and give."""

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]


Numbers = npt.NDArray[np.float64]
