"""Tokens that models generate: how many, from which prompts, and the two phases; and that nothing else changes."""

from __future__ import annotations

import inspect
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from jupyter_green.session import Window
from tests.workload.conftest import parts_of
from tests.workload.models import PAD, decoder, encoder_decoder, prompts

torch = pytest.importorskip("torch", reason="PyTorch is not installed here")
transformers = pytest.importorskip("transformers", reason="transformers is not installed here")
utils = pytest.importorskip("transformers.generation.utils", reason="transformers is not installed here")

Count = Callable[..., Window]


@pytest.fixture(scope="module")
def gpt() -> Any:
    return decoder()


@pytest.fixture(scope="module")
def t5() -> Any:
    return encoder_decoder()


def clean() -> bool:
    """Whether `generate` is the library's own."""
    return utils.GenerationMixin.generate.__code__.co_filename.startswith(torch.__path__[0])


WAYS: dict[str, dict[str, Any]] = {
    "greedy": {"do_sample": False},
    "sampled": {"do_sample": True, "top_k": 20},
    "beams": {"num_beams": 3, "do_sample": False},
    "sampled beams": {"num_beams": 2, "do_sample": True},
    "several answers": {"do_sample": True, "num_return_sequences": 3},
    "as a dictionary": {"return_dict_in_generate": True, "output_scores": True},
    "without a cache": {"use_cache": False},
    "looked up": {"prompt_lookup_num_tokens": 2, "do_sample": False},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["decoder", "encoder-decoder"])
def test_tokens_are_counted_and_the_answer_is_the_same(count: Count, gpt: Any, t5: Any, kind: str, way: str) -> None:
    if kind == "encoder-decoder" and way == "looked up":
        pytest.skip("its first tokens may come together, so that how many came before can't be told")
    model, asked = gpt if kind == "decoder" else t5, {**WAYS[way], "max_new_tokens": 7}
    ids = prompts(1 if way == "looked up" else 2, 5)
    torch.manual_seed(3)
    plain = model.generate(ids, **asked)
    torch.manual_seed(3)
    with count("tokens") as window:
        answer = model.generate(ids, **asked)
    assert type(answer) is type(plain)
    plain, answer = getattr(plain, "sequences", plain), getattr(answer, "sequences", answer)
    assert torch.equal(plain, answer)
    record = window.record
    assert (record.units, record.unit) == (answer.shape[0] * 7, "tokens")
    assert record.batch_size == ids.shape[0]
    assert record.joules_per_unit * record.units == pytest.approx(record.joules, rel=1e-12)
    parts = parts_of(window)
    assert parts["prefill"].units == ids.numel()
    assert parts["decode"].units == record.units
    assert clean()


def test_an_answer_that_ends_early_is_counted_up_to_its_end(count: Count, gpt: Any) -> None:
    ids = prompts(3, 4)
    plain = gpt.generate(ids, max_new_tokens=12, do_sample=False)[:, 4:]
    mark = int(plain[0, 2])  # what the first answer says third ends it
    expected = sum(row.index(mark) + 1 if mark in row else len(row) for row in plain.tolist())
    with count("tokens") as window:
        answer = gpt.generate(ids, max_new_tokens=12, do_sample=False, eos_token_id=mark)
    assert window.record.units == expected
    assert answer[:, 4:].numel() > expected, "some answers are padded behind their end, or this tests nothing"


def test_padding_of_prompts_is_not_counted(count: Count, gpt: Any) -> None:
    ids = prompts(2, 6)
    mask = torch.ones_like(ids)
    ids[0, :4], mask[0, :4] = PAD, 0
    with count("tokens") as window:
        gpt.generate(input_ids=ids, attention_mask=mask, max_new_tokens=3)
    assert window.record.units == 6
    assert parts_of(window)["prefill"].units == 8


def test_what_a_cache_holds_already_is_not_read_again(count: Count, gpt: Any) -> None:
    ids = prompts(1, 10)
    first = gpt.generate(ids[:, :6], max_new_tokens=1, return_dict_in_generate=True)
    cache = first.past_key_values
    held = cache.get_seq_length()
    with count("tokens") as window:
        gpt.generate(ids, past_key_values=cache, max_new_tokens=4)
    assert window.record.units == 4
    assert parts_of(window)["prefill"].units == 10 - held < 10


def test_prompts_given_as_embeddings(count: Count, gpt: Any) -> None:
    embedded = gpt.transformer.wte(prompts(2, 5))
    with count("tokens") as window:
        answer = gpt.generate(inputs_embeds=embedded, max_new_tokens=4)
    assert answer.shape == (2, 4)
    assert (window.record.units, window.record.batch_size) == (8, 2)
    assert parts_of(window)["prefill"].units == 10


def test_a_drafting_model_is_not_counted_beside_the_one_it_helps(count: Count, gpt: Any) -> None:
    ids = prompts(1, 5)
    with count("tokens") as window:
        answer = gpt.generate(ids, assistant_model=decoder(), max_new_tokens=8, do_sample=False)
    assert window.record.units == answer.shape[1] - 5


def test_criteria_and_streamers_of_the_callers_own_work_as_ever(count: Count, gpt: Any) -> None:
    class Enough(transformers.StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **options: Any) -> Any:
            return torch.full((input_ids.shape[0],), input_ids.shape[1] >= 8)

    class Streamer(transformers.generation.BaseStreamer):
        seen: list[int] = []  # noqa: RUF012 - one streamer alone is made, and read by its class

        def put(self, value: Any) -> None:
            self.seen.append(int(value.numel()))

        def end(self) -> None:
            self.seen.append(-1)

    own = transformers.StoppingCriteriaList([Enough()])
    ids, streamer = prompts(1, 5), Streamer()
    with count("tokens") as window:
        answer = gpt.generate(ids, None, None, own, max_new_tokens=20, streamer=streamer)
    assert answer.shape[1] == 8
    assert len(own) == 1
    assert streamer.seen == [5, 1, 1, 1, -1]
    assert window.record.units == 3


def test_a_model_with_a_loop_of_its_own_is_handed_nothing(count: Count) -> None:
    class Own(transformers.GPT2LMHeadModel):
        given: Any = None

        def _sample(self, input_ids: Any, **options: Any) -> Any:
            type(self).given = options["stopping_criteria"]
            return super()._sample(input_ids, **options)

    model = Own(decoder().config).eval()
    model.generate(prompts(1, 5), max_new_tokens=3)
    plain = len(Own.given)
    with count("tokens") as window:
        model.generate(prompts(1, 5), max_new_tokens=3)
    assert len(Own.given) == plain
    assert window.record.units == 3
    assert parts_of(window) == {}


def test_a_callers_own_way_to_generate_is_counted_by_its_answer(count: Count, gpt: Any) -> None:
    def own(model: Any, input_ids: Any, **options: Any) -> Any:
        return torch.cat([input_ids, input_ids[:, :2]], dim=1)

    with count("tokens") as window:
        gpt.generate(prompts(2, 5), custom_generate=own, max_new_tokens=9)
    assert window.record.units == 4
    assert parts_of(window) == {}


# ---- several calls ----------------------------------------------------------------------------------------


def test_several_calls_are_added_up_and_mixed_batches_are_said(count: Count, gpt: Any) -> None:
    with count("auto") as window:
        for size, new in ((1, 3), (4, 5), (4, 2)):
            gpt.generate(prompts(size, 5), max_new_tokens=new)
    record = window.record
    assert record.units == 3 + 20 + 8
    assert record.batch_size is None
    assert any("1 to 4" in note for note in record.notes)
    parts = parts_of(window)
    assert parts["prefill"].units == 5 * (1 + 4 + 4)
    assert parts["decode"].units == record.units


def test_windows_inside_each_other_count_what_was_done_in_each(count: Count, gpt: Any) -> None:
    with count("tokens") as outer:
        gpt.generate(prompts(1, 5), max_new_tokens=2)
        with count("tokens") as inner:
            gpt.generate(prompts(1, 5), max_new_tokens=3)
        assert not clean()
        gpt.generate(prompts(1, 5), max_new_tokens=4)
    assert (outer.record.units, inner.record.units) == (9, 3)
    assert inner.record.parent == outer.record.id
    assert clean()


def test_a_call_in_another_thread_counts_because_its_energy_does(count: Count, gpt: Any) -> None:
    with count("tokens") as window:
        thread = threading.Thread(target=lambda: gpt.generate(prompts(2, 5), max_new_tokens=4))
        thread.start()
        thread.join()
    assert window.record.units == 8


def test_calls_at_the_same_time_have_tokens_but_no_phases(count: Count, gpt: Any) -> None:
    both = threading.Barrier(2, timeout=600)

    class Wait(transformers.StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **options: Any) -> Any:
            if input_ids.shape[1] == 6:
                both.wait()
            return torch.zeros(input_ids.shape[0], dtype=torch.bool)

    def work() -> None:
        gpt.generate(prompts(1, 5), max_new_tokens=3, stopping_criteria=transformers.StoppingCriteriaList([Wait()]))

    with count("tokens") as window:
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert window.record.units == 6
    assert parts_of(window) == {}
    assert any("same time" in note for note in window.record.notes)


def test_a_call_that_goes_on_after_its_window_leaves_the_tokens_unknown(count: Count, gpt: Any) -> None:
    inside, over = threading.Event(), threading.Event()

    class Wait(transformers.StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **options: Any) -> Any:
            inside.set()
            over.wait(60)
            return torch.zeros(input_ids.shape[0], dtype=torch.bool)

    own = transformers.StoppingCriteriaList([Wait()])
    call = threading.Thread(target=lambda: gpt.generate(prompts(1, 5), max_new_tokens=3, stopping_criteria=own))
    with count("tokens") as window:
        gpt.generate(prompts(1, 5), max_new_tokens=2)
        call.start()
        inside.wait(60)
    assert clean()
    over.set()
    call.join()
    assert window.record.units is None
    assert any("still running" in note for note in window.record.notes)


# ---- what is left alone -----------------------------------------------------------------------------------


def test_generate_looks_the_same_while_it_is_counted(count: Count) -> None:
    def looks(method: Any) -> tuple[Any, ...]:
        return inspect.signature(method), method.__doc__, method.__name__, method.__qualname__, method.__module__

    before, method = looks(utils.GenerationMixin.generate), utils.GenerationMixin.generate
    with count("tokens"):
        assert utils.GenerationMixin.generate is not method
        assert looks(utils.GenerationMixin.generate) == before
    assert utils.GenerationMixin.generate is method


def test_an_error_passes_through_with_one_line_of_ours(count: Count, gpt: Any) -> None:
    def broken() -> list[str]:
        try:
            gpt.generate(prompts(1, 5), max_new_tokens=-4)
        except ValueError as error:
            frames = traceback.extract_tb(error.__traceback__)
            return [frame.filename.rpartition("jupyter_green/")[2] for frame in frames]
        raise AssertionError("the library takes this now")

    plain = broken()
    with count("tokens") as window:
        told = broken()
    assert [name for name in told if name not in plain] == ["session/workload/hooks.py"]
    assert len(told) == len(plain) + 1
    assert window.record.units is None
    assert any("cut short" in note for note in window.record.notes)
    assert clean()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_the_taps_are_closed_whatever_ends_the_window(count: Count, gpt: Any, error: type[BaseException]) -> None:
    def end_it() -> None:
        with count("auto"):
            gpt.generate(prompts(1, 5), max_new_tokens=2)
            raise error

    with pytest.raises(error):
        end_it()
    assert clean()


def test_what_somebody_put_over_a_tap_is_left_in_place(count: Count, gpt: Any, monkeypatch: Any) -> None:
    with count("tokens") as window:
        tapped = utils.GenerationMixin.generate
        called = []

        def theirs(self: Any, *arguments: Any, **options: Any) -> Any:
            called.append(1)
            return tapped(self, *arguments, **options)

        monkeypatch.setattr(utils.GenerationMixin, "generate", theirs)
        gpt.generate(prompts(1, 5), max_new_tokens=2)
    assert utils.GenerationMixin.generate is theirs
    with count("tokens") as second:
        gpt.generate(prompts(1, 5), max_new_tokens=3)
    gpt.generate(prompts(1, 5), max_new_tokens=3)
    assert (window.record.units, second.record.units, len(called)) == (2, 3, 3)
    monkeypatch.undo()
    # What they had replaced was our stand-in: without a window it only passes calls on.
    utils.GenerationMixin.generate = inspect.unwrap(tapped, stop=lambda f: "torch" in f.__code__.co_filename)
    assert clean()


def test_nothing_generated_is_not_nought(count: Count) -> None:
    with count("tokens") as window:
        pass
    assert window.record.units is None
    assert window.record.joules_per_unit is None
    assert window.record.notes == ("Not counted: no model of transformers generated in this block.",)


# ---- energy -----------------------------------------------------------------------------------------------


def test_energy_is_conserved(count: Count, gpt: Any) -> None:
    with count("tokens") as window:
        for new in (20, 30, 10):
            gpt.generate(prompts(2, 40), max_new_tokens=new)
    whole, parts = window.record, parts_of(window)
    assert [parts[name].span for name in ("prefill", "decode")] == ["window"] * 2
    told = [(part.joules_per_unit, part.units, part.joules) for part in parts.values()]
    assert sum(each * units for each, units, _ in told) == pytest.approx(sum(j for *_, j in told), abs=1e-9)
    assert sum(part.seconds for part in parts.values()) <= whole.seconds
    assert 0 < sum(part.joules for part in parts.values()) <= whole.joules + 1e-9
