"""Films with a high dynamic range (HLG, PQ), as phones record them, shown on a screen without."""

import functools
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

_WHITE = 203.0
"""cd/m² of white in a film with highlights beyond it (ITU-R BT.2408)."""
_KNEE = 0.85
"""Share of white above which highlights are pressed together."""
_ROWS = 256
"""Of a frame that are worked on at a time: sixteen bits take four times the memory of eight."""
_UNSPECIFIED = 2
_TO_709 = np.array([(1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)], np.float32)
"""Linear RGB of BT.2020 → of BT.709 (ITU-R BT.2087)."""


def frame_rgb(frame: av.VideoFrame, width: int | None = None) -> npt.NDArray[np.uint8]:
    """The RGB of a film's frame; that of one with a high dynamic range (HLG, PQ) as on a screen without."""
    size: dict[str, Any] = {"width": width or frame.width, "height": frame.height, "threads": 1}
    if frame.color_trc not in (ColorTrc.ARIB_STD_B67, ColorTrc.SMPTE2084):
        return np.asarray(frame.to_ndarray(format="rgb24", **size), dtype=np.uint8)
    if frame.colorspace == _UNSPECIFIED:
        size["src_colorspace"] = Colorspace.BT2020
    wide = frame.to_ndarray(format="rgb48le", **size)
    light = _hlg_light() if frame.color_trc == ColorTrc.ARIB_STD_B67 else _pq_light()
    # A film that does not say what its primaries are has those of its kind, BT.2020.
    narrow = frame.color_primaries == ColorPrimaries.BT709
    toned = np.empty(wide.shape, np.uint8)
    for row in range(0, len(wide), _ROWS):
        linear = light[wide[row : row + _ROWS]]
        if frame.color_trc == ColorTrc.ARIB_STD_B67:
            linear *= _hlg_gain(linear)
        toned[row : row + _ROWS] = _screen(linear if narrow else linear @ _TO_709.T)
    return toned


def _screen(linear: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Linear RGB, 1 is white, in sRGB: what is brighter is pressed below white, its hue kept."""
    linear = linear.clip(0, None)
    most = linear.max(-1, keepdims=True)
    pressed = _KNEE + (1 - _KNEE) * (1 - np.exp((_KNEE - most) / (1 - _KNEE)))
    linear = linear * np.where(most > _KNEE, pressed / np.maximum(most, 1e-6), 1)
    return _srgb()[(linear * 65535).round().clip(0, 65535).astype(np.uint16)]


@functools.cache
def _srgb() -> npt.NDArray[np.uint8]:
    """Sixteen bits of linear light → eight of sRGB (IEC 61966-2-1)."""
    linear = np.linspace(0, 1, 65536)
    shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray((255 * shown).round(), dtype=np.uint8)


@functools.cache
def _hlg_light() -> npt.NDArray[np.float32]:
    """Sixteen bits of hybrid log-gamma → light of the scene, 0 to 1 (ITU-R BT.2100, table 5)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    signal = np.linspace(0, 1, 65536)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12).astype(np.float32)


def _hlg_gain(scene: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """From the scene's light to that of a screen of 1000 cd/m² (BT.2100's OOTF, gamma 1.2), in shares of white."""
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593], np.float32)
    return np.asarray(1000 / _WHITE * luminance[..., None] ** 0.2, dtype=np.float32)


@functools.cache
def _pq_light() -> npt.NDArray[np.float32]:
    """Sixteen bits of the perceptual quantizer → light of a screen, in shares of white (BT.2100, table 4)."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    root = np.linspace(0, 1, 65536) ** (1 / m2)
    light = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return (light / _WHITE).astype(np.float32)
