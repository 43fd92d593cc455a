import json
from pathlib import Path
from typing import Any

import pytest

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.asvspoof import ASVspoof
from emocap.benchmarks.readers.messages import Messages
from emocap.core.errors import UserError
from emocap.io.media import Sound

LA = ASVspoof(reader="asvspoof2019-la")
LINES = "LA_0039 LA_E_2834763 - A11 spoof\nLA_0014 LA_E_8877452 - A14 spoof\nLA_0040 LA_E_6828287 - - bonafide\n"


def protocol(root: Path, text: str) -> Path:
    path = root / "ASVspoof2019_LA_cm_protocols" / "ASVspoof2019.LA.cm.eval.trl.txt"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("below", ["", "LA/"])
def test_trials_come_in_the_order_of_the_protocol(tmp_path: Path, below: str) -> None:
    protocol(tmp_path / below, LINES)
    folder = f"{below}ASVspoof2019_LA_eval/flac"
    first, second, third = LA.read(tmp_path)
    sound, groups = Sound(tmp_path / folder / "LA_E_2834763.flac"), {"attack": "A11"}
    assert first == Example("LA_E_2834763", sound, label="spoof", subject="LA_0039", groups=groups)
    assert (second.label, second.groups) == ("spoof", {"attack": "A14"})
    assert (third.label, third.groups, third.subject) == ("bonafide", {}, "LA_0040")


def test_lines_that_are_no_trials_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cm.eval.trl.txt: No such file"):
        list(LA.read(tmp_path))
    path = protocol(tmp_path, LINES + "\nLA_0040 LA_E_1 bonafide\n")
    with pytest.raises(UserError, match=r"trl.txt, line 5: 'LA_0040 LA_E_1 bonafide' is not a speaker, a recording"):
        list(LA.read(tmp_path))
    path.write_text("LA_0039 ../../LA_E_2834763 - A11 spoof\n")
    with pytest.raises(UserError, match="is not a name below"):
        list(LA.read(tmp_path))


def said(audio: str, reply: str, **more: Any) -> dict[str, Any]:
    asked = {"role": "user", "audio": audio, "content": "Is this audio real or fake?"}
    return {"messages": [asked, {"role": "assistant", "content": reply}], **more}


def conversations(root: Path, *rows: dict[str, Any]) -> Path:
    (root / "eval.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return root


def test_conversations(tmp_path: Path) -> None:
    conversations(tmp_path, said("wav/a.wav", "Fake."), said("wav/b.wav", " Real "))
    first, second = Messages(reader="messages", file="eval.jsonl").read(tmp_path)
    assert first == Example("wav/a.wav", Sound(tmp_path / "wav/a.wav"), label="Fake")
    assert second.label == "Real"


def test_paths_of_another_machine_are_looked_for_in_a_folder(tmp_path: Path) -> None:
    conversations(tmp_path, said("/home/x/ASVspoof2019/LA/train/wav/LA_T_4132181.wav", "Fake."))
    layout = Messages(reader="messages", file="eval.jsonl", sounds="flac")
    (example,) = layout.read(tmp_path)
    assert example.name == "flac/LA_T_4132181.wav"
    with pytest.raises(UserError, match=r"eval.jsonl, line 1: '/home/x/.*' is not a name below"):
        list(Messages(reader="messages", file="eval.jsonl").read(tmp_path))


def test_conversations_about_anything_else_are_told(tmp_path: Path) -> None:
    layout = Messages(reader="messages", file="eval.jsonl")
    silent = {"messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hello."}]}
    with pytest.raises(UserError, match=r"eval.jsonl, line 2: 0 recordings and 1 replies; there must be one of each"):
        list(layout.read(conversations(tmp_path, said("a.wav", "Fake."), silent)))
    with pytest.raises(UserError, match=r"line 1: messages: Field required"):
        list(layout.read(conversations(tmp_path, {"audio": "a.wav"})))
