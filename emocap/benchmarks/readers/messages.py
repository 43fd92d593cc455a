"""Conversations about recordings, one a line, as audio language models are taught with: ALLM4ADD's form."""

# Tested in tests/benchmarks/readers/test_asvspoof.py.

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, within
from emocap.benchmarks.readers.documents import documents
from emocap.core.errors import UserError
from emocap.io.media import Sound


class _Message(BaseModel):
    role: str
    content: str
    audio: str | None = None


class _Conversation(BaseModel):
    messages: list[_Message]


class Messages(Layout):
    """``{"messages": [{"role": "user", "audio": PATH, "content": "..."}, {"role": "assistant", "content": "Fake."}]}``
    a line: the recording of the user's message, and what the assistant says, without the full stop, as the label.
    """

    reader: Literal["messages"]
    file: str
    """The file of JSON lines, below the data."""
    sounds: str | None = None
    """Folder below the data that has the recordings, by the last part of their paths, which may be of another machine;
    null: the paths are below the data."""

    def read(self, root: Path) -> Iterator[Example]:
        """In the order of the file."""
        for where, conversation in documents(root / self.file, _Conversation):
            shown = [message.audio for message in conversation.messages if message.audio]
            said = [message.content for message in conversation.messages if message.role == "assistant"]
            if len(shown) != 1 or len(said) != 1:
                raise UserError(f"{where}: {len(shown)} recordings and {len(said)} replies; there must be one of each")
            name = shown[0]
            if self.sounds is not None:
                name = f"{self.sounds}/{PurePosixPath(name).name}"
            yield Example(name, Sound(within(root, name, where)), label=said[0].strip().rstrip("."))


READER = Messages
