"""Terms of an objective on heads whose answers can be worked out by hand."""

import numpy as np
import pytest
import torch

from latentopt.directions import Direction, Offset
from latentopt.editing.objectives import (
    Along,
    AtLeast,
    AtMost,
    BlackBox,
    Maximize,
    Minimize,
    Near,
    OfTexts,
    Target,
    Typical,
    columns,
    scored_columns,
    text_losses,
    text_objective,
)
from latentopt.editing.objectives import texts as texts_module
from latentopt.errors import LatentoptError
from latentopt.space.density import LatentDensity
from property_models import LogisticHead, RidgeHead
from tests.toy_problems import LinearHead

FIRST = LinearHead(torch.tensor([1.0, 0.0, 0.0]))  # the score is the first coordinate
Z = torch.tensor([[0.0, 5.0, 0.0], [1.0, 0.0, 0.0], [3.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("term", "losses"),
    [
        (Target(FIRST, 1), [1, 0, 4]),
        (AtLeast(FIRST, 1), [1, 0, 0]),
        (AtMost(FIRST, 1), [0, 0, 4]),
        (Maximize(FIRST), [0, -1, -3]),
        (Minimize(FIRST), [0, 1, 3]),
        (Near(torch.zeros(3, 3)), [25 / 3, 1 / 3, 10 / 3]),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list) else "",
)
def test_each_term_has_the_losses_worked_out_by_hand(term, losses):
    assert term(Z).tolist() == pytest.approx(losses)


def test_a_loss_is_in_units_of_the_heads_scale():
    wide = LinearHead(FIRST.weight)
    wide.score_scale = 2.0
    assert Target(wide, 1)(Z).tolist() == pytest.approx([0.25, 0, 1])


def test_a_sum_is_the_weighted_sum_of_its_terms():
    goal = 2 * (Target(FIRST, 1) + 0.5 * Maximize(FIRST)) + Near(Z)
    assert goal(Z).tolist() == pytest.approx([2, -1, 5])
    assert [weight for weight, _ in goal.terms] == [2, 1, 1]


def test_a_wish_may_name_one_value_for_each_row():
    goal = Target(FIRST, [0.0, 1.0, 5.0]) + Near(Z)
    assert goal(Z).tolist() == [0, 0, 4]
    rows = torch.tensor([2, 2, 0])
    assert goal.take(rows)(Z[rows]).tolist() == [4, 4, 0]


def test_a_wish_is_reached_within_the_heads_tolerance():
    assert Target(FIRST, 1.2)(Z).argmin() == 1
    assert Target(FIRST, 1.2).fulfilled(FIRST.forward(Z)).tolist() == [False, True, False]
    assert AtLeast(FIRST, 1).fulfilled(FIRST.forward(Z)).tolist() == [False, True, True]
    assert AtMost(FIRST, 1).fulfilled(FIRST.forward(Z)).tolist() == [True, True, False]
    assert Maximize(FIRST).fulfilled(FIRST.forward(Z)) is None


def test_a_property_of_which_more_is_known_than_the_latent_says_is_nearer_to_its_wish():
    goal = 2 * Target(FIRST, 4) + Maximize(LinearHead(FIRST.weight, name="other"))
    nearer = goal.shifted({FIRST.name: 1.0})
    target, other = (term for _, term in nearer.terms)
    assert target.values(Z).tolist() == [1, 2, 4]
    assert target(Z).tolist() == [9, 4, 0]
    assert other.values(Z).tolist() == [0, 1, 3]
    assert nearer(Z).tolist() == [18, 7, -3]
    far, _ = (term for _, term in nearer.beyond(Z, 2).terms)
    assert far.value.tolist() == [7, 6, 4]  # twice as far from what is known of each
    assert goal(Z).tolist() == [32, 17, -1]  # as it was


def test_beyond_a_target_lies_farther_the_same_way():
    beyond = Target(FIRST, 1).beyond(Z, 3)
    assert beyond.score.tolist() == [3, 1, -3]  # from 0, 1 and 3: three times the way to 1
    assert Target(FIRST, 1).score == 1  # the wish itself stays


@pytest.mark.parametrize(("wish", "aim"), [(Maximize(FIRST), [2, 3, 5]), (Minimize(FIRST), [-2, -1, 1])])
def test_a_wish_without_an_end_aims_a_number_of_scales_away(wish, aim):
    assert wish.beyond(Z, 2).score.tolist() == aim


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [[1.0]]])
def test_a_value_that_no_property_has_is_refused(value):
    with pytest.raises(LatentoptError, match="a wish for likes is a number that it could have, or one for each text"):
        Target(FIRST, value)


def test_a_negative_count_is_refused():
    head = RidgeHead(scale="log1p").fit(np.random.default_rng(0).normal(size=(30, 3)), np.arange(30))
    head.name = "likes"
    with pytest.raises(LatentoptError, match="a wish for likes is a number that it could have"):
        Target(head, -5)


def test_the_classes_of_a_classifier_are_properties():
    x = np.random.default_rng(0).normal(size=(300, 3))
    head = LogisticHead().fit(x, np.where(x[:, 0] > 0, "warm", "cold"))
    z = torch.tensor(x[:20], dtype=torch.float32)
    warm, cold = (Maximize(head.for_class(label))(z) for label in ("warm", "cold"))
    assert torch.allclose(warm, -cold, atol=1e-5)
    assert (warm < 0).tolist() == (head.predict(x[:20]) == "warm").tolist()
    assert (
        Target(head.for_class("warm"), 0.5)(z).argmin()
        == head.predict_proba(x[:20])[:, 1].__sub__(0.5).__abs__().argmin()
    )


def test_typical_latents_cost_nothing_and_others_do():
    density = LatentDensity.fit(torch.randn(2000, 8, generator=torch.Generator().manual_seed(0)))
    term = Typical(density)
    z = torch.stack([torch.zeros(8), torch.full((8,), 4.0)])
    assert term(z)[0] == 0
    assert term(z)[1] > 5


def test_every_term_is_differentiable():
    density = LatentDensity.fit(torch.randn(100, 3, generator=torch.Generator().manual_seed(0)))
    goal = Target(FIRST, 9) + AtLeast(FIRST, 9) + AtMost(FIRST, -9) + Maximize(FIRST) + Near(Z) + Typical(density)
    z = (Z + 10).requires_grad_()
    (gradient,) = torch.autograd.grad(goal(z).sum(), z)
    assert (gradient != 0).all()


def moods():
    x = np.random.default_rng(0).normal(size=(90, 3))
    head = LogisticHead().fit(x, np.array(["glad", "sad", "calm"])[np.arange(90) % 3])
    head.name = "mood"
    return head


class TestColumns:
    def test_two_classes_of_a_head_are_two_properties(self):
        goal = Maximize(moods().for_class("glad")) + Minimize(moods().for_class("sad"))
        assert list(columns(goal)) == ["mood=glad", "mood=sad"]

    def test_two_wishes_for_a_property_are_two_columns_named_after_both(self):
        goal = AtLeast(FIRST, 10) + AtMost(FIRST, 1000) + Maximize(LinearHead(FIRST.weight, name="tone")) + Near(Z)
        assert list(columns(goal)) == ["likes at least 10", "likes at most 1,000", "tone"]

    @pytest.mark.parametrize("wish", [Maximize, Minimize, lambda head: AtLeast(head, 2)])
    def test_the_same_wish_twice_is_refused(self, wish):
        with pytest.raises(LatentoptError, match=r"a goal has one .* for a property, but likes has two"):
            columns(wish(FIRST) + 0.5 * wish(FIRST))

    def test_a_column_has_values_and_an_interval_if_its_head_has(self):
        x = np.random.default_rng(0).normal(size=(300, 3))
        head = RidgeHead().fit(x, x[:, 0] + 0.1 * np.random.default_rng(1).normal(size=300))
        (wish,) = columns(Maximize(head)).values()
        interval = wish.interval(Z)
        assert wish.values(Z).tolist() == pytest.approx(head.predict(Z.numpy()).tolist(), abs=1e-5)
        assert ((interval[:, 0] < wish.values(Z)) & (wish.values(Z) < interval[:, 1])).all()
        assert Maximize(moods().for_class("sad")).interval(Z) is None


class TestAlong:
    EAST = Direction(torch.tensor([2.0, 0.0, 0.0]), name="east", space="toy", strength=1.5)

    def test_the_loss_is_the_missed_strength_and_a_little_of_what_lies_across(self):
        term = Along(self.EAST, 1, start=torch.zeros(1, 3), across=0.1)
        assert term(Z).tolist() == pytest.approx([1 + 0.1 * 25 / 4, 0.25, 0.25 + 0.1 / 4])

    def test_its_value_is_the_strength_that_was_moved(self):
        term = Along(self.EAST).starting_at(Z, None)
        assert term.value == 1.5  # the direction's own
        assert term.values(Z + 3 * self.EAST.vector + torch.tensor([0, 7, 0])).tolist() == pytest.approx([3, 3, 3])

    def test_three_quarters_of_the_strength_are_enough_whichever_way(self):
        moved = torch.tensor([0.7, 0.8, 4.5])
        assert Along(self.EAST, 1).fulfilled(moved).tolist() == [False, True, True]
        assert Along(self.EAST, -1).fulfilled(-moved).tolist() == [False, True, True]

    def test_beyond_it_lies_farther_from_what_has_been_moved(self):
        term = Along(self.EAST, 1, start=torch.zeros(1, 3)).beyond(torch.tensor([[0.0, 0, 0], [1.0, 0, 0]]), 4)
        assert term.value.tolist() == pytest.approx([4, 2.5])

    def test_each_text_may_have_its_strength_and_start(self):
        term = Along(self.EAST, [0.0, 1.0, 2.0], start=Z)
        term.check_texts(3)
        assert term.take(torch.tensor([2, 1]))(Z[[2, 1]]).tolist() == pytest.approx([4, 1])
        with pytest.raises(LatentoptError, match="one for each text, got 3 values for 2 texts"):
            term.check_texts(2)

    def test_without_a_start_it_asks_for_one(self):
        with pytest.raises(LatentoptError, match="along east: from where"):
            Along(self.EAST)(Z)

    def test_where_a_map_says_the_step_it_is_that_of_where_the_text_starts(self):
        offset = Offset(torch.eye(3)[:1], torch.zeros(1), torch.tensor([[0.0, 1.0, 0.0]]))  # x > 0 goes up by x
        mapped = Direction(torch.tensor([1.0, 0.0, 0.0]), name="map", space="toy", offset=offset)
        start = torch.tensor([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
        term = Along(mapped, 1).starting_at(start, None)
        assert term.values(start + torch.tensor([[3.0, 0.0, 0.0], [3.0, 6.0, 0.0]])).tolist() == pytest.approx([3, 3])
        assert term(start + mapped.at(start)).tolist() == pytest.approx([0, 0])

    def test_a_reader_is_asked_whether_a_text_falls_short_whichever_way(self):
        gains = torch.tensor([0.0, 0.5, 1.0, 9.0])
        assert Along(self.EAST, 1).loss_of(gains).tolist() == [1, 0.25, 0, 0]
        assert Along(self.EAST, -1).loss_of(-gains).tolist() == [1, 0.25, 0, 0]
        assert list(scored_columns(Along(self.EAST, 1) + Near())) == ["east"]

    def test_several_at_once_are_columns(self):
        north = Direction(torch.tensor([0.0, 1.0, 0.0]), name="north", space="toy")
        assert list(columns(Along(self.EAST, 1) + Along(north, 0.5))) == ["east", "north"]

    @pytest.mark.parametrize("strength", [float("nan"), [[1.0]]])
    def test_a_strength_that_is_none_is_refused(self, strength):
        with pytest.raises(LatentoptError, match="along east: the strength is a finite number"):
            Along(self.EAST, strength)


def test_what_a_goal_leaves_open_is_filled_in_where_the_texts_start():
    density = LatentDensity.fit(torch.randn(100, 3, generator=torch.Generator().manual_seed(0)))
    goal = 2 * Near() + Typical() + Near(torch.zeros(1, 3))
    open_, given = goal.starting_at(Z, density), 2 * Near(Z) + Typical(density) + Near(torch.zeros(1, 3))
    assert torch.equal(open_(Z + 1), given(Z + 1))
    for term in (Near(), Typical()):
        with pytest.raises(LatentoptError, match=r"goal\.starting_at"):
            term(Z)


def test_a_sum_goes_beyond_in_each_of_its_wishes():
    goal = (2 * Target(FIRST, 1) + Near(Z)).beyond(Z, 3)
    assert [weight for weight, _ in goal.terms] == [2, 1]
    assert goal(Z).tolist() == pytest.approx([18, 0, 72])


def test_a_goal_is_differentiable_if_all_its_terms_are():
    box = BlackBox(lambda z: z.norm(dim=1))
    assert box(Z).tolist() == pytest.approx([5, 1, 10**0.5])
    assert (Near(Z) + Maximize(FIRST)).differentiable
    assert not (Near(Z) + box).differentiable


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number_is_refused(weight):
    with pytest.raises(LatentoptError, match="a goal is a sum of one term or more, each with a finite weight"):
        weight * Near(Z)


class TestTextObjectives:
    def test_a_function_of_a_file_or_of_a_module_is_found_by_its_name(self, tmp_path, monkeypatch):
        (tmp_path / "scores.py").write_text("def brevity(texts):\n    return [len(text) for text in texts]\n")
        monkeypatch.chdir(tmp_path)
        for name in ("scores:brevity", "scores.py:brevity", f"{tmp_path}/scores.py:brevity"):
            assert text_losses(text_objective(name), ["a", "abc"]).tolist() == [1, 3]
        assert text_objective("os.path:basename")("a/b") == "b"

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("brevity", "an objective is named MODULE:FUNCTION"),
            ("os:no_such", "there is no function no_such in os"),
            ("no_such_module:f", "no_such_module cannot be imported"),
        ],
    )
    def test_what_cannot_be_found_is_said(self, name, message):
        with pytest.raises(LatentoptError, match=message):
            text_objective(name)

    def test_finished_texts_are_asked_of_and_latents_are_written_first(self):
        letters = OfTexts(lambda texts: [len(text) for text in texts], lambda z: ["abc"] * len(z), name="letters")
        goal = Near(Z) + 2 * letters
        assert goal.of_texts(["a", "ab", ""], Z).tolist() == [2, 4, 0]
        assert goal(Z).tolist() == [6, 6, 6]
        assert not goal.differentiable
        assert columns(goal) == {"letters": letters}
        assert (letters.values_of(["ab"], Z[:1]).tolist(), letters.values(Z[:1]).tolist()) == ([2], [3])
        assert letters.fulfilled(Z[:, 0]) is None

    def test_a_function_is_asked_once_for_a_text(self, monkeypatch):
        monkeypatch.setattr(texts_module, "REMEMBERED", 2)
        asked = []

        def length(texts):
            asked.append(list(texts))
            return [len(text) for text in texts]

        letters = OfTexts(length, lambda z: ["abc"] * len(z), name="letters")
        assert letters(Z).tolist() == [3, 3, 3]
        assert letters.of_texts(["a", "abc", "a"], Z).tolist() == [1, 3, 1]
        assert letters.values_of(["abc", "ab"], Z[:2]).tolist() == [3, 2]
        assert asked == [["abc"], ["a"], ["ab"]]
        letters.of_texts(["abc", "a"], Z[:2])  # what was asked for longest ago is forgotten, and no more are kept
        assert asked[3:] == [["a"]]

    def test_what_a_function_raises_is_said(self):
        with pytest.raises(LatentoptError, match=r"an objective failed on 1 texts \(ZeroDivisionError: "):
            text_losses(lambda texts: [1 / 0], ["a"])

    @pytest.mark.parametrize("made", [[1.0], [1.0, float("nan")], [[1.0, 2.0]], None, ["a", "b"]])
    def test_an_objective_gives_a_number_for_each_text(self, made):
        with pytest.raises(LatentoptError, match="gives a number for each text, lower is better, but of 2 texts"):
            text_losses(lambda texts: made, ["a", "b"])
