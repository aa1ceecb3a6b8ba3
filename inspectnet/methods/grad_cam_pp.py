"""Grad-CAM++: maps weighed by their positive gradients, each place by how much it takes to reach the score."""

import numpy as np

from inspectnet.methods.cam import Cam, positive
from inspectnet.methods.method import method


@method("grad_cam_pp")
class GradCamPlusPlus(Cam):
    """Maps weighed by positive gradients, places by their shares in the score (Chattopadhay et al. 2018, sec. 3).

    With g the gradient of the score S by the maps A, whose exponential the paper explains, the second and third
    derivatives of exp(S) are exp(S) g^2 and exp(S) g^3 where all above the layer is linear but for rectifiers. So a
    place weighs g^2 / (2 g^2 + sum(A) g^3), and 0 where nothing comes down. The factor exp(S), the same for all places
    of an image, is left out.
    """

    def weights(self, maps: np.ndarray, slope: np.ndarray) -> np.ndarray:
        below = 2 * slope**2 + maps.sum(axis=(2, 3), keepdims=True) * slope**3
        shares = np.divide(slope**2, below, out=np.zeros_like(slope), where=below != 0)
        return np.asarray((shares * positive(slope)).sum(axis=(2, 3), keepdims=True))
