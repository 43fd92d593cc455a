"""The multi-instance loss of CoCLR (arXiv 2010.09709, equation 3), as in MIL-NCE."""

# Tested in tests/losses/test_sigmoid.py.

import torch
from torch import Tensor

from emocap.losses.registry import Contrast


def multi_instance(logit_CN: Tensor, target_CN: Tensor) -> Tensor:
    """Σ_i −log Σ_j mask_ij softmax_j(logit_ij), mask = targets above 0: it is enough that one positive is near."""
    positive_CN = logit_CN.masked_fill(target_CN <= 0, -torch.inf)
    return (logit_CN.logsumexp(1) - positive_CN.logsumexp(1)).sum()


CONTRAST = Contrast("multi_instance", multi_instance, of_pictures=False)
