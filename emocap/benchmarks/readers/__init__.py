"""Readers of official layouts, one file each."""

from typing import Annotated

from pydantic import Field

from emocap.benchmarks.readers.afew_va import AfewVA
from emocap.benchmarks.readers.aff_wild2 import AffWild2
from emocap.benchmarks.readers.affectnet import AffectNet
from emocap.benchmarks.readers.asvspoof import ASVspoof
from emocap.benchmarks.readers.bp4d import BP4D
from emocap.benchmarks.readers.builds import Build
from emocap.benchmarks.readers.ck_plus import CkPlus
from emocap.benchmarks.readers.clip_table import ClipTable
from emocap.benchmarks.readers.disfa import DISFA
from emocap.benchmarks.readers.emotionet import EmotioNet
from emocap.benchmarks.readers.expw import ExpW
from emocap.benchmarks.readers.faba import FABA
from emocap.benchmarks.readers.face_human_bench import FaceHumanBench
from emocap.benchmarks.readers.facexbench import FaceXBench
from emocap.benchmarks.readers.fer2013 import Fer2013
from emocap.benchmarks.readers.ferplus import FerPlus
from emocap.benchmarks.readers.lists import Lists
from emocap.benchmarks.readers.london import London
from emocap.benchmarks.readers.messages import Messages
from emocap.benchmarks.readers.micro import Micro
from emocap.benchmarks.readers.mmar import MMAR
from emocap.benchmarks.readers.mme_emotion import MMEEmotion
from emocap.benchmarks.readers.paths import Paths
from emocap.benchmarks.readers.raf_au import RafAu
from emocap.benchmarks.readers.raf_db import RafDb
from emocap.benchmarks.readers.unbc import UNBC
from emocap.benchmarks.readers.visual_room import VisualRoom

AnyLayout = Annotated[
    Build
    | Paths
    # clips, micro-expressions
    | ClipTable
    | Lists
    | Micro
    # action units, ratings, multiple choice
    | AfewVA
    | AffWild2
    | BP4D
    | DISFA
    | FABA
    | FaceHumanBench
    | FaceXBench
    | UNBC
    # sounds
    | ASVspoof
    | Messages
    | MMAR
    # models that write
    | MMEEmotion
    | VisualRoom
    # pictures of emotions
    | AffectNet
    | CkPlus
    | EmotioNet
    | ExpW
    | Fer2013
    | FerPlus
    | London
    | RafAu
    | RafDb,
    Field(discriminator="reader"),
]
