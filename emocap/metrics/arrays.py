"""The kinds of arrays that metrics take and give."""

# Tested in tests/metrics/test_bradley_terry.py.

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]


Numbers = npt.NDArray[np.float64]
