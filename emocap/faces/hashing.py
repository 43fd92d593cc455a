"""Near-duplicates: a hash of a face that stays the same when its picture is compressed or scaled anew."""

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
"""H×W, 0 to 255."""

_SIDE = 128
_FREQUENCIES = 16
BITS = _FREQUENCIES**2
"""Of a hash: 64 of them cannot tell a smile from a copy."""
# Where the eyes, the nose tip and the corners of the mouth come to lie; x + iy as shares of the side.
_PLACES = np.array([0.34 + 0.35j, 0.66 + 0.35j, 0.5 + 0.53j, 0.37 + 0.71j, 0.63 + 0.71j])


def face_hash(crop: Grey, landmarks: npt.NDArray[np.complex128] | None, margin: float) -> str:
    """The perceptual hash (pHash: which low frequencies are strong) of a face in its square crop: 64 hex digits.

    landmarks: five points x + iy in pixels of the crop; by them the face is laid on fixed places, since a copy is
    framed a little differently. Without them it is the crop less its margin, and the hash is less steady.
    """
    frequencies = cv2.dct(_face(crop, landmarks, margin).astype(np.float64))[:_FREQUENCIES, :_FREQUENCIES]
    return np.packbits(frequencies > np.median(frequencies)).tobytes().hex()


def bits_apart(first: str, other: str) -> int:
    """In how many bits two hashes differ, 0 to 256."""
    return (int(first, 16) ^ int(other, 16)).bit_count()


def _face(crop: Grey, landmarks: npt.NDArray[np.complex128] | None, margin: float) -> Grey:
    """The picture that is hashed: four pixels for each of the lowest frequencies."""
    if landmarks is None:
        border = round(len(crop) * margin / (1 + margin) / 2)
        whole = crop[border : len(crop) - border, border : len(crop) - border]
    else:
        whole = _aligned(crop, landmarks)
    return np.asarray(cv2.resize(whole, (4 * _FREQUENCIES, 4 * _FREQUENCIES), interpolation=cv2.INTER_AREA))


def _aligned(crop: Grey, landmarks: npt.NDArray[np.complex128]) -> Grey:
    """The crop turned, scaled and shifted so that the landmarks lie nearest to their places (least squares)."""
    places = _PLACES * _SIDE
    spread = landmarks - landmarks.mean()
    turn = np.vdot(spread, places) / max(np.vdot(spread, spread).real, 1e-9)
    shift = places.mean() - turn * landmarks.mean()
    matrix = np.array([(turn.real, -turn.imag, shift.real), (turn.imag, turn.real, shift.imag)])
    return np.asarray(cv2.warpAffine(crop, matrix, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE))
