"""What may be shown, what is worked on, and in which order."""

from dataclasses import replace

import pytest
import torch

from latentopt.editing.constraints import Breach
from latentopt.editing.edit import changes_between, count_words, words_changed
from latentopt.editing.measure import Attempt
from latentopt.editing.rank import ADDED_WEIGHT, FLUENT, Floors, ordered, shortest_way, spread, value

SOURCE = "thank you to everyone who came out tonight in the rain"


def attempt(text, **known):
    changes = changes_between(SOURCE, text)
    given = {
        "z": torch.zeros(2),
        "promised": torch.zeros(2),
        "loss": 0.5,
        "read_loss": 0.5,
        "reached": False,
        "meaning": 0.9,
        "broken": [],
        "fluency": 0.0,
        "cost": 0.0,
        "strain": 0.0,
    } | known
    return Attempt(text, changes=changes, changed=words_changed(changes) / count_words(SOURCE), **given)


A = attempt("huge thank you to everyone who came out tonight in the rain")


def test_the_more_cautious_opinion_decides_and_lost_fluency_and_meaning_count_against_an_attempt():
    flattered = replace(A, text="a", loss=0.0, read_loss=1.5)
    honest = replace(A, text="b", loss=0.6, read_loss=0.4)
    odd, other = replace(honest, text="c", fluency=-0.1), replace(honest, text="d", meaning=0.88)
    assert [x.text for x in ordered([flattered, odd, other, honest])] == ["b", "d", "c", "a"]


def test_fluency_well_above_the_sources_is_worth_no_more():
    plain, common = replace(A, text="a", fluency=FLUENT), replace(A, text="b", fluency=0.9)
    assert [x.text for x in ordered([common, plain])] == ["a", "b"]


def test_what_falls_below_a_floor_is_said_with_the_option_that_lets_it_through():
    floors = Floors(fluency=-0.1, strain=2.0, meaning=0.7, change=0.3)
    assert floors.cheap(A, SOURCE) == []
    assert floors.cheap(replace(A, meaning=0.5), SOURCE) == [
        Breach("keeps a meaning of 0.50, below 0.70", "a smaller --min-meaning")
    ]
    many = attempt("nobody came out in the rain")
    assert floors.cheap(many, SOURCE)[0].remedy == "a larger --change"
    assert floors.costly(replace(A, fluency=-0.2)) == [
        Breach("has a fluency of -0.20 nats a token, below -0.10", "a smaller --min-fluency")
    ]
    assert floors.costly(replace(A, fluency=0.1, cost=8.5)) == [
        Breach("costs 8.5 nats more than the text in all, above 8.0", "in Python, a larger Floors(cost=...)")
    ]
    odd = floors.costly(replace(A, strain=3.0))
    assert odd == [
        Breach("has a word that stands out by 3.0 nats, above 2.0", "in Python, a larger Floors(strain=...)")
    ]
    assert Floors(fluency=-9, strain=3.0).costly(replace(A, strain=3.0)) == []
    assert floors.costly(replace(A, acceptability=0.1)) == [
        Breach("can expect a rating of 0.10 from 0 to 2, below 0.40", "a smaller --min-acceptability")
    ]
    assert Floors(acceptability=0.1).costly(replace(A, acceptability=0.1)) == []
    assert [breach.remedy for breach in floors.costly(replace(A, fluency=-0.2, acceptability=0.1))] == [
        "a smaller --min-fluency",
        "a smaller --min-acceptability",
    ]
    assert floors.costly(replace(A, fluency=None, strain=None)) == []


@pytest.mark.parametrize(
    ("text", "adds"),
    [
        (f"{SOURCE} again", True),
        (f"{SOURCE}, love you.", True),
        (f"Well, T{SOURCE[1:]}", True),
        (SOURCE.replace("rain", "heavy storm"), False),
        (SOURCE.replace(" in the rain", ""), False),
        (f"{SOURCE}!", False),
        (SOURCE, False),
    ],
)
def test_an_edit_that_only_adds_is_worth_less(text, adds):
    tried = attempt(text)
    assert tried.only_adds == adds
    assert value(tried) == pytest.approx(value(replace(tried, changes=[])) + ADDED_WEIGHT * adds)


def test_a_text_that_changes_marks_alone_is_no_edit():
    marks = attempt("thank you, to everyone who came out tonight in the rain!")
    assert [breach.reason for breach in Floors().cheap(marks, SOURCE)] == ["changes marks alone, and no word"]
    assert Floors().cheap(attempt(f"{SOURCE} 🎉"), SOURCE) == []


def test_a_broken_constraint_is_a_shortfall():
    broken = Breach("loses 'http' (links)", "--free links")
    assert Floors().cheap(replace(A, broken=[broken]), SOURCE) == [broken]


def test_one_word_may_change_in_a_text_of_any_length():
    assert Floors(change=0.3).most_words(2) == 1
    assert Floors(change=0.3).most_words(10) == 3


def test_what_is_shown_differs_in_what_it_changed():
    first = attempt("thank you to everyone who came out today in the rain", loss=0.1)
    again = attempt("thank you to everyone who came out today in the rain!", loss=0.2)
    other = attempt("thanks to everyone who came out tonight in the rain", loss=0.3)
    assert spread([other, again, first], 3) == [first, other]
    assert spread([other, again, first], 1) == [first]


def test_if_nothing_qualifies_the_commonest_hindrance_of_the_best_attempts_is_named():
    unclear = Breach("keeps a meaning of 0.50, below 0.70", "a smaller --min-meaning")
    lost = Breach("loses 'http' (links)", "--free links")
    said = shortest_way([(A, [unclear]), (A, [unclear, lost])])
    assert said == (
        "the best attempts were refused: “huge thank you to everyone who came out tonight in the rain” "
        "keeps a meaning of 0.50, below 0.70; a smaller --min-meaning lets more through"
    )
    dull = Breach("can expect a rating of 0.10 from 0 to 2, below 0.25", "a smaller --min-acceptability")
    both = shortest_way([(A, [unclear, dull]), (A, [unclear, dull])])
    assert both.endswith(
        "keeps a meaning of 0.50, below 0.70 and can expect a rating of 0.10 from 0 to 2, below 0.25; "
        "a smaller --min-meaning and a smaller --min-acceptability let more through"
    )
    assert shortest_way([]) == "no text was written that is better than this one"
