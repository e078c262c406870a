"""Data of the shrink examples and benchmarks, all from packages; none of it is in this repository.

`bash examples/run --shrink` and `bash benchmarks/run shrink` fetch the packages into `examples/cache`. Sentences come
with VADER (C. J. Hutto and E. Gilbert, ICWSM 2014), each with the mean rating of twenty people; images are
Fashion-MNIST (Zalando SE, MIT licence) as packaged by Debian. Training and test data are drawn with a fixed seed and do
not overlap.
"""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from pathlib import Path
from typing import Any

CACHE = Path(__file__).resolve().parent / "cache"
SENTENCES = "vaderSentiment-3.3.2.tar.gz"
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
OPINIONS = ("movieReviewSnippets", "amazonReviewSnippets", "tweets")
PICTURES = ("/usr/share/datasets/fashion-mnist", "fashion-mnist")
"""Folder of the images if Debian's package is installed, and folder into which it is unpacked otherwise."""
MEAN, DEVIATION = 0.2860, 0.3530
"""Mean and standard deviation of the pixels of the 60,000 training images, as shares of white."""

Texts = tuple[list[str], list[int]]


def opinions(test: int = 8000, seed: int = 0) -> tuple[Texts, Texts]:
    """Return sentences of film reviews, product reviews and tweets for training, and about `test` others for testing.

    A label is 1 if the mean rating is above 0, else 0. No sentence is in both splits, not even in other letter case.
    """
    rows = [(text, int(mean > 0)) for name in OPINIONS for text, mean in judged(name)]
    rows = list({text: (text, label) for text, label in rows}.values())
    random.Random(seed).shuffle(rows)  # noqa: S311 - a reproducible split, not a secret

    def columns(part: list[tuple[str, int]]) -> Texts:
        return [text for text, _ in part], [label for _, label in part]

    training_texts = {text.casefold() for text, _ in rows[test:]}
    return columns(rows[test:]), columns([row for row in rows[:test] if row[0].casefold() not in training_texts])


def editorials() -> str:
    """Return the sentences of newspaper editorials as one text."""
    return " ".join(text for text, _ in judged("nytEditorialSnippets"))


def pictures() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return 60,000 labelled images for training and 10,000 for testing: float32 of shape (n, 1, 28, 28)."""
    import numpy as np
    import torch

    folder = next((path for name in PICTURES if (path := CACHE / name).is_dir()), None)
    if folder is None:
        raise FileNotFoundError("Fashion-MNIST is not here yet; `bash examples/run --shrink` fetches it.")

    def read(name: str, head: int) -> Any:
        with gzip.open(folder / f"{name}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=head)

    def part(name: str) -> tuple[Any, Any]:
        pixels = torch.tensor(read(f"{name}-images-idx3", 16)).float().reshape(-1, 1, 28, 28)
        labels = torch.tensor(read(f"{name}-labels-idx1", 8)).long()
        return (pixels / 255 - MEAN) / DEVIATION, labels

    return part("train"), part("t10k")


def unpack(package: Path, folder: Path) -> None:
    """Unpack the images of Debian's package (an archive of archives) if it can't be installed."""
    with package.open("rb") as file:
        if file.read(8) != b"!<arch>\n":
            raise ValueError(f"{package.name} is no Debian package.")
        while head := file.read(60):
            size = int(head[48:58])
            body = file.read(size + size % 2)[:size]
            if not head.startswith(b"data.tar"):
                continue
            with tarfile.open(fileobj=io.BytesIO(body)) as inner:
                folder.mkdir(parents=True, exist_ok=True)
                for member in inner.getmembers():
                    content = inner.extractfile(member) if member.name.endswith("-ubyte.gz") else None
                    if content is not None:
                        (folder / Path(member.name).name).write_bytes(content.read())


def judged(name: str) -> list[tuple[str, float]]:
    """Return the sentences of one table with their mean rating, from -4 to +4."""
    archive = CACHE / SENTENCES
    if not archive.is_file():
        raise FileNotFoundError("The sentences are not here yet; `bash examples/run --shrink` fetches them.")
    with tarfile.open(archive) as outer:
        packed = outer.extractfile(INNER)
        assert packed is not None
        with tarfile.open(fileobj=io.BytesIO(packed.read())) as inner:
            table = inner.extractfile(f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
            assert table is not None
            rows = [line.split("\t") for line in table.read().decode("utf-8").splitlines() if line.count("\t") == 2]
    return [(text, float(mean)) for _, mean, text in rows]


if __name__ == "__main__":
    unpack(next(CACHE.glob("dataset-fashion-mnist_*.deb")), CACHE / PICTURES[1])
