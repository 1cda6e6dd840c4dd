from latentopt.directions import telling_habits, typed_alike
from latentopt.space.texts import closed_up


def test_a_text_is_closed_up():
    assert closed_up("it 's late , and i do n't care .") == "it's late, and i don't care."


def test_what_is_no_tokenisers_space_stays():
    assert closed_up("see you :) at 5 .5 miles ... or not") == "see you :) at 5 .5 miles ... or not"


def test_a_target_takes_the_sources_capitals_and_full_stop():
    assert typed_alike("this is bad .", "This is not good") == ("this is bad.", "this is not good.")
    assert typed_alike("This is bad", "this is not good.") == ("This is bad", "This is not good")


def test_a_question_stays_one():
    assert typed_alike("are you mad ?", "Are you well?") == ("are you mad?", "are you well?")
    assert typed_alike("stop it", "please stop...") == ("stop it", "please stop...")


def test_capitals_of_names_stay_where_the_source_has_capitals():
    assert typed_alike("Ask Tom now", "please ask Tom")[1] == "Please ask Tom"


def test_habits_that_tell_the_sides_apart_are_named():
    source, target = ["no way .", "stop that .", "why not ?"], ["No, thanks", "Please stop", "Why not?"]
    assert telling_habits(source, target) == [
        "100% of the sources and 0% of the targets have a space before a mark",
        "0% of the sources and 100% of the targets begin with a capital",
        "67% of the sources and 0% of the targets end in a full stop",
    ]


def test_sides_that_are_typed_the_same_say_nothing():
    assert telling_habits(["Give me that.", "Go."], ["Please give me that.", "Please go."]) == []
