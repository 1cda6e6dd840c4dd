"""What an edit must keep and must not have."""

import pytest

from latentopt.editing.constraints import Check, MaxLength, MaxTokens, breaches, kept_ranges, standard
from latentopt.errors import LatentoptError

SOURCE = "Great night with Barack Obama in Chicago! Thanks to 1,000 fans 🎉 #win @user http"


def kept(source, **options):
    return [source[first:last] for first, last in kept_ranges(standard(**options), source)]


def reasons(source, text, **options):
    return [breach.reason for breach in breaches(standard(**options), source, text)]


def test_marks_numbers_emoji_and_names_are_kept_by_default():
    assert kept(SOURCE) == ["Barack", "Obama", "Chicago", "1,000", "🎉", "#win", "@user", "http"]


def test_numbers_keep_what_they_count():
    assert kept("over 60 miles away, 2 hours of 80s hits") == ["60 miles", "2 hours", "80"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("full of people or cars.", "full of people or."),
        ("I want to see the sea #blue http", "I want to see the #blue http"),
        ("who says that", "who says the"),
    ],
)
def test_a_text_that_breaks_off_is_refused(source, text):
    assert reasons(source, text) == ["breaks off"]


def test_a_text_may_end_as_its_source_does():
    assert reasons("what did you do that for the", "what did she do that for the") == []
    assert reasons("who are you talking about now", "who are you talking about") == []


def test_articles_fit_their_words():
    slip = ["has a for an, or an for a"]
    assert reasons("such a great day", "such a amazing day") == slip
    assert reasons("such an amazing day", "such an great day") == slip
    assert reasons("such a day", "such a useful one-off university day") == []
    fitting = "a unique day, an hour, an honest man, an MP, a once great eulogy, a euro"
    assert reasons("such a day", fitting, free=["names"]) == []


def test_a_kind_can_be_let_go():
    assert "Chicago" not in kept(SOURCE, free=["names"])
    assert reasons(SOURCE, SOURCE.replace("#win ", ""), free=["hashtags"]) == []


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("http", "", "loses 'http' (links)"),
        ("http", "http https", "adds 'https' (links)"),
        ("@user", "@users", "loses '@user' and adds '@users' (mentions)"),
        (" #win", "", "loses '#win' (hashtags)"),
        ("#win", "#win #more", "adds '#more' (hashtags)"),
        ("1,000", "2,000", "loses '1,000' and adds '2,000' (numbers)"),
        ("🎉", "", "loses '🎉' (emoji)"),
        ("Chicago", "Boston", "loses 'Chicago' (names)"),
        ("fans", "fans in Boston", "adds 'Boston' (names)"),
        ("Great night", "Great bitch", "adds 'bitch' (abuse)"),
        ("Great", "Gr\ufffdat", "has a broken character"),
        (" @user", " and@user", "runs words together"),
        ("in Chicago", "in in Chicago", "repeats a word or a mark"),
        ("night with", "night. with", "begins a sentence with a small letter"),
        ("Chicago!", "Chicago,!", "repeats a word or a mark"),
        ("Chicago! Thanks", "Chicago!Thanks", "runs words together"),
    ],
)
def test_what_is_lost_or_added_is_said(old, new, reason):
    assert reason in reasons(SOURCE, SOURCE.replace(old, new))


def test_other_words_and_new_emoji_are_free():
    assert reasons(SOURCE, SOURCE.replace("Great", "Wonderful").replace("fans", "of you ❤")) == []


def test_abuse_that_the_source_has_may_stay_and_mild_words_may_come():
    assert reasons("what a bitch", "what a total bitch") == []
    assert reasons("what a day", "what a damn day") == []
    assert reasons("what a day", "what a bitch of a day", allow_abuse=True) == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("Barack Obama said so", ["Barack", "Obama"]),
        ("Happy Diwali to all", ["Diwali"]),
        ("I'm glad I came. Never again", []),
        ("This Is How We All Write Headlines These Days", []),
        ("so NASA did it", ["NASA"]),
        ("@user Thanks John! What a game", ["John"]),
    ],
)
def test_capitals_name_within_a_sentence(source, names):
    assert kept(source) == (["@user", *names] if "@user" in source else names)


def test_a_name_is_added_also_where_it_leaves_most_words_with_a_capital():
    source = "so Trump will win Texas and Arkansas there"
    assert reasons(source, "so Trump, Texas and New Arkansas") == ["adds 'New' (names)"]


def test_words_and_expressions_can_be_kept_and_forbidden(tmp_path):
    assert kept("we win big games", keep=["big games", "/w[ie]n?/"]) == ["we", "win", "big games"]
    assert reasons("we win", "we lose", keep=["win"]) == ["loses 'win' (--keep)"]
    file = tmp_path / "forbidden.txt"
    file.write_text("synergy\n/lever\\w+/\n")
    assert reasons("we work", "we leverage Synergy", forbid=[str(file)], free=["names"]) == [
        "adds 'synergy' (forbidden words)",
        "adds 'leverage' (forbidden words)",
    ]


def test_a_text_can_be_made_to_fit():
    assert MaxLength(5).breach("a long text", "short") is None
    assert MaxLength(5).breach("a long text", "longer").reason == "has 6 characters, above 5"


def test_tokens_are_counted_as_the_model_counts_them():
    most = MaxTokens(2, lambda texts: [len(text.split()) for text in texts])
    assert most.breach("a long text", "two words") is None
    assert most.breach("a long text", "now three words").reason == "has 3 tokens, above 2"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("a great game tonight", "a great tonight, tonight", ["repeats a word or a mark"]),
        ("we won the match, well done", "we won the match, a match", ["says 'match' once more"]),
        ("work work work", "we work and work", []),
        ("what you did", "what you did and what they did", []),
        ("go #team, team", "go #team, team", []),
    ],
)
def test_a_long_word_is_not_said_once_more(old, new, reason):
    assert reasons(old, new) == reason


def test_any_function_can_refuse():
    def no_questions(source, text):
        return "asks a question" if "?" in text else None

    assert Check(no_questions).breach("a", "b") is None
    assert Check(no_questions).breach("a", "b?").reason == "asks a question"
    assert Check(lambda source, text: False).breach("a", "b").reason == "is refused by a check of yours"


def test_tokens_that_break_a_constraint_are_known_before_writing():
    forbidden = {t for t in ["@", " #", "http", "7", " bitch", "�", " great", "!"] if _forbids(t)}
    assert forbidden == {"@", " #", "http", "7", " bitch", "�"}
    assert not _forbids("7", free=["numbers"])


def _forbids(token, **options):
    return any(constraint.forbids(token) for constraint in standard(**options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"free": ["dates"]}, "--free dates: there is no such kind; known: links, mentions, hashtags, numbers, emoji"),
        ({"keep": ["/(/"]}, "--keep /(/: this is no regular expression"),
        ({"forbid": [" "]}, "--forbid: needs words, or a regular expression /between slashes/, got nothing"),
    ],
)
def test_what_cannot_be_understood_is_refused(options, message):
    with pytest.raises(LatentoptError) as error:
        standard(**options)
    assert str(error.value).startswith(message)
