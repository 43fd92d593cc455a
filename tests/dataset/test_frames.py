from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from emocap.dataset.frames import Clock, is_animated, read_animation, read_video
from emocap.dataset.recipe import VideoRecipe
from emocap.io.images import ImageError, Pixels

Film = Callable[..., Path]
Noise = Callable[[int], Iterable[Pixels]]


def read(path: Path, most: int = 10**8, **recipe: float) -> tuple[list[int], list[Pixels], str | None]:
    """Times in ms and pictures, and the reason of the error where one ends them."""
    frames = []
    try:
        for frame in read_video(path, VideoRecipe.model_validate(recipe), most):
            frames.append(frame)
    except ImageError as error:
        return [frame.time_ms for frame in frames], [frame.pixels for frame in frames], error.reason
    return [frame.time_ms for frame in frames], [frame.pixels for frame in frames], None


def everything(path: Path) -> list[float]:
    """The oracle: the presentation times of a full decode, in seconds."""
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0) if frame.time is not None]


def by_rate(times: list[float], rate: float) -> list[int]:
    """The oracle: for every k, by search, the first frame that is not before k / rate, each once; in ms."""
    wanted: list[int] = []
    for k in range(int(times[-1] * rate) + 1):
        first = next(round(time * 1000) for time in times if time >= k / rate - 0.0005)
        if first not in wanted:
            wanted.append(first)
    return wanted


def plain(*colour: int) -> Pixels:
    return np.full((120, 160, 3), colour, dtype=np.uint8)


REAL = {
    "pyfeat/no_face.mp4": 95,  # its header claims 98
    "pyfeat/face_noface.mov": 169,
    "pyfeat/noface_face.mov": 169,
    "intel/again.mkv": 77,
    "intel/sister.mkv": 87,
}


@pytest.mark.parametrize("name", REAL)
def test_a_video_whose_header_lies_is_read_to_its_end(name: str, shared: Callable[[str], Path]) -> None:
    path = shared(f"data/videos/{name}")
    times = everything(path)
    assert len(times) == REAL[name]
    assert read(path, rate=1000)[0] == [round(time * 1000) for time in times]
    for rate in (1, 2.5, 0.4):
        assert read(path, rate=rate)[0] == by_rate(times, rate)


def test_a_frame_has_the_pixels_of_its_time(shared: Callable[[str], Path]) -> None:
    path = shared("data/videos/pyfeat/face_noface.mov")
    times, pictures, _ = read(path, rate=1)
    with av.open(str(path)) as container:
        whole = {round(float(f.time or 0) * 1000): f.to_ndarray(format="rgb24") for f in container.decode(video=0)}
    for time, picture in zip(times, pictures, strict=True):
        np.testing.assert_array_equal(picture, whole[time])


def test_a_variable_frame_rate_is_sampled_by_time_and_not_by_number(film: Film, noise: Noise) -> None:
    times = [0.0, 0.04, 0.5, 0.9, 0.99, 1.01, 1.5, 3.6, 3.7, 3.99, 4.0, 4.04]
    path = film("uneven.mkv", noise(len(times)), times)
    assert read(path, rate=1)[0] == [0, 1010, 3600, 4000]
    assert read(path, rate=2)[0] == [0, 500, 1010, 1500, 3600, 4000]


@pytest.mark.parametrize("name", ["a.avi", "a.mpg", "a.ts", "a.wmv", "a.flv", "a.webm", "a.m4v"])
def test_every_container_is_read(name: str, film: Film, noise: Noise) -> None:
    codecs = {".avi": "mpeg4", ".mpg": "mpeg1video", ".wmv": "wmv2", ".flv": "flv1", ".webm": "libvpx"}
    path = film(name, noise(30), codec=codecs.get(name[1:], "libx264"))
    times, pictures, reason = read(path, rate=5)
    assert reason is None
    assert times == by_rate(everything(path), 5)
    assert len(times) >= 6
    assert {picture.shape for picture in pictures} == {(120, 160, 3)}


def test_a_recording_that_starts_over_goes_on_being_sampled(film: Film, noise: Noise) -> None:
    once = film("once.ts", noise(75)).read_bytes()
    joined = film("once.ts", noise(75)).with_name("joined.ts")
    joined.write_bytes(once * 3)
    times, _, _ = read(joined, rate=1)
    assert 9 <= len(times) <= 11
    assert times == sorted(set(times))


def test_frames_without_a_time_follow_the_frame_before() -> None:
    clock = Clock(0.04)
    read_times = [clock.read(time) for time in (None, None, 0.5, None, 0.52, 9.0, 0.0, 0.04, None)]
    assert read_times == pytest.approx([0, 0.04, 0.5, 0.54, 0.52, 9.0, 9.04, 9.08, 9.12])


def test_a_turned_video_stands_upright(film: Film) -> None:
    picture = plain(0, 0, 255)
    picture[:, :80] = (255, 0, 0)  # red on the left
    path = film("turned.mp4", [picture] * 5)
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # version, flags, and 36 bytes of fields come before it
    for row, values in enumerate([(0, 1, 0), (-1, 0, 0)]):  # a quarter turn clockwise, as telephones write it
        for column, value in enumerate(values):
            at = matrix + 4 * (3 * row + column)
            data[at : at + 4] = (value * 65536).to_bytes(4, signed=True)
    path.write_bytes(data)
    _, (first, *_), _ = read(path)
    assert first.shape == (160, 120, 3)
    assert first[10, 60, 0] > 200  # red is on top
    assert first[150, 60, 2] > 200


def test_pixels_are_made_square(film: Film, noise: Noise) -> None:
    _, (first, *_), _ = read(film("wide.mkv", noise(5), pixel_ratio=Fraction(4, 3)))
    assert first.shape == (120, 213, 3)


def test_one_frame_is_taken_per_scene_a_little_after_the_cut(film: Film) -> None:
    scenes = [(plain(200, 30, 30), 30), (plain(20, 20, 160), 50), (plain(90, 200, 90), 40), (plain(250, 250, 250), 3)]
    path = film("scenes.mp4", [picture for picture, count in scenes for _ in range(count)])
    times, pictures, _ = read(path, scenes=27)
    assert times == [320, 1520, 3520, 4880]  # the last scene, of 0.12 s, gives its last frame
    assert [int(picture.mean((0, 1)).argmax()) for picture in pictures[:3]] == [0, 2, 1]


def test_a_video_of_one_short_scene_gives_its_last_frame(film: Film) -> None:
    assert read(film("short.mp4", [plain(9, 9, 9)] * 4), scenes=27)[0] == [120]


def test_scenes_of_a_real_video_are_found_where_they_change(shared: Callable[[str], Path]) -> None:
    times, _, _ = read(shared("data/videos/pyfeat/face_noface.mov"), scenes=27)
    assert len(times) == 2
    assert times[0] == 300


def test_a_damaged_stretch_costs_that_stretch_only(film: Film, noise: Noise) -> None:
    path = film("damaged.mp4", noise(150), keyframes=10)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 20] = b"\x55" * (len(data) // 20)
    path.write_bytes(data)
    times, _, reason = read(path, rate=25)
    assert reason == "broken_video"
    assert len([time for time in times if time < 2600]) > 55
    assert len([time for time in times if time > 3400]) > 55
    assert len(times) < 150


def test_a_video_cut_short_is_read_up_to_there(shared: Callable[[str], Path], tmp_path: Path) -> None:
    whole = shared("data/videos/pyfeat/WolfgangLanger_Pexels.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    times, _, reason = read(tmp_path / "cut.mp4")
    assert times == [0, 1001, 2002, 3003, 4004, 5005, 6006, 7007, 8008, 9009]
    assert reason == "broken_video"


@pytest.mark.parametrize("content", [b"", b"no video at all" * 99, b"#EXTM3U\n#EXTINF:9,\nother.ts\n"])
def test_what_is_no_video_is_told(content: bytes, film: Film, noise: Noise, tmp_path: Path) -> None:
    film("other.ts", noise(30))
    (tmp_path / "a.ts").write_bytes(content)
    assert read(tmp_path / "a.ts") == ([], [], "broken_video")


def test_sound_alone_is_told(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        assert isinstance(stream, av.AudioStream)
        for number in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert read(path) == ([], [], "no_video_stream")


def test_frames_that_are_too_large_are_refused(film: Film, noise: Noise) -> None:
    assert read(film("a.mp4", noise(3)), most=160 * 120 - 1) == ([], [], "too_many_pixels")


@pytest.fixture(params=["GIF", "WEBP"])
def animation(request: pytest.FixtureRequest, tmp_path: Path) -> bytes:
    path = tmp_path / "a.animation"
    frames = [Image.new("RGB", (40, 30), (40 * number, 0, 0)) for number in range(6)]
    frames[0].save(
        path, request.param, save_all=True, append_images=frames[1:], duration=[400, 400, 400, 900, 400, 400]
    )
    return path.read_bytes()


def test_an_animation_is_sampled_like_a_video(animation: bytes) -> None:
    assert is_animated(animation)
    shown = list(read_animation(animation, VideoRecipe(), 10**6))
    assert [one.time_ms for one in shown] == [0, 1200, 2100]
    assert [round(float(one.pixels[..., 0].mean()) / 40) for one in shown] == [0, 3, 4]
    assert len(list(read_animation(animation, VideoRecipe(rate=1000), 10**6))) == 6
    assert len(list(read_animation(animation, VideoRecipe(scenes=1000), 10**6))) == 1


def test_frames_are_counted_from_the_first(animation: bytes, film: Film, noise: Noise) -> None:
    assert [one.number for one in read_animation(animation, VideoRecipe(), 10**6)] == [0, 3, 4]
    path = film("a.mp4", noise(30))
    picked = list(read_video(path, VideoRecipe(rate=5), 10**8))
    assert [one.number for one in picked] == [0, 5, 10, 15, 20, 25]
    assert [one.lasts for one in picked] == pytest.approx([0.04] * 6, rel=0.01)


def test_an_animation_cut_short_is_read_up_to_there(shared: Callable[[str], Path]) -> None:
    data = shared("data/videos/intel/head-pose-face-detection-male.gif").read_bytes()
    recipe = VideoRecipe(rate=10)
    cut = read_animation(data[: len(data) // 2], recipe, 10**8)
    shown = [next(cut) for _ in range(4)]
    with pytest.raises(ImageError, match="frame") as error:
        shown.extend(cut)
    assert error.value.reason == "broken_image"
    assert [one.time_ms for one in shown] == [one.time_ms for one in read_animation(data, recipe, 10**8)][: len(shown)]


def test_real_animations_give_a_frame_a_second(shared: Callable[[str], Path]) -> None:
    data = shared("data/videos/intel/head-pose-face-detection-male.gif").read_bytes()
    times = [one.time_ms for one in read_animation(data, VideoRecipe(), 10**8)]
    assert len(times) > 3
    assert all(0 <= time - 1000 * k < 300 for k, time in enumerate(times))


def test_memory_does_not_grow_with_a_film(film: Film, noise: Noise, peaks: Callable[[list[Path]], list[int]]) -> None:
    short, long = film("short.mp4", noise(50), codec="mpeg4"), film("long.mp4", noise(2000), codec="mpeg4")
    before, after = peaks([short, long])
    assert after - before < 30e6  # the long one's frames take 115 MB


def test_sound_may_be_longer_than_the_picture(shared: Callable[[str], Path]) -> None:
    times, _, reason = read(shared("cases/build/sound-longer-than-picture/zoom.mkv"))
    assert (times, reason) == ([0, 1000, 2000, 3000], None)


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.ts", "a.mp4", "a.avi"])
def test_a_recording_whose_sound_goes_on_is_whole_and_cut_short_where_the_file_is(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libvpx" if name.endswith("webm") else "mpeg4", rate=10)
        sound = container.add_stream("libopus" if name.endswith("webm") else "mp2", rate=48000)
        assert isinstance(picture, av.VideoStream)
        assert isinstance(sound, av.AudioStream)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        for tenth in range(150):
            if tenth < 50:
                pixels = random.integers(0, 256, (48, 64, 3), dtype=np.uint8)
                container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            noise = random.integers(-9999, 9999, (1, 4800 * 2), dtype=np.int16)
            frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="stereo")
            frame.rate, frame.pts = 48000, 4800 * tenth
            container.mux(sound.encode(frame))
        container.mux([*picture.encode(), *sound.encode()])
    assert read(path)[2] is None
    if name in ("a.mkv", "a.webm"):  # their headers stand in front and say how long the file is
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        assert read(path)[2] == "broken_video"
