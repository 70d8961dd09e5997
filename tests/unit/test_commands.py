import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.commands import (
    APPROVE,
    CANCEL_RUN,
    MAX_COMMANDS,
    MAX_PACKAGES,
    REFRESH_BASELINE,
    RETRY_FAILED,
    Command,
    Mistake,
    command_for_button,
    expand,
    parse,
    without_repetitions,
)
from bot.domain.config import Depth
from bot.domain.verbs import SYNONYMS, USAGES, Verb
from bot.domain.wording import did_you_mean, quoted


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/revdeps", Command(verb=Verb.HELP)),
        ("/revdeps help", Command(verb=Verb.HELP)),
        ("  /RevDeps   Status ", Command(verb=Verb.STATUS)),
        ("/revdeps status.", Command(verb=Verb.STATUS)),
        ("/revdeps config", Command(verb=Verb.CONFIG)),
        ("/revdeps why python-flask", Command(verb=Verb.WHY, packages=("python-flask",))),
        ("/revdeps why `python-flask`", Command(verb=Verb.WHY, packages=("python-flask",))),
        ("/revdeps logs gtk+", Command(verb=Verb.LOGS, packages=("gtk+",))),
        ("/revdeps run", Command(verb=Verb.RUN)),
        (
            "/revdeps run limit=50 target=rawhide depth=transitive",
            Command(verb=Verb.RUN, options=(("limit", "50"), ("target", "rawhide"), ("depth", "transitive"))),
        ),
        ("/revdeps run --limit=5", Command(verb=Verb.RUN, options=(("limit", "5"),))),
        ("/revdeps retry", Command(verb=Verb.RETRY)),
        ("/revdeps retry failed", Command(verb=Verb.RETRY)),
        ("/revdeps retry a b* a", Command(verb=Verb.RETRY, packages=("a", "b*"))),
        ("/revdeps retry a, b,c", Command(verb=Verb.RETRY, packages=("a", "b", "c"))),
        ("/revdeps rebuild a -- flaky  mirror", Command(verb=Verb.REBUILD, packages=("a",), text="flaky mirror")),
        ("/revdeps cancel", Command(verb=Verb.CANCEL)),
        ("/revdeps baseline a", Command(verb=Verb.BASELINE, packages=("a",))),
        ("/revdeps include [ab]*", Command(verb=Verb.INCLUDE, packages=("[ab]*",))),
        ("/revdeps skip a", Command(verb=Verb.SKIP, packages=("a",))),
        ("/revdeps priority a b 7", Command(verb=Verb.PRIORITY, packages=("a", "b"), options=(("priority", "7"),))),
        ("/revdeps with octocat/libfoo#7", Command(verb=Verb.WITH, options=(("changes", "octocat/libfoo#7"),))),
        (
            "/revdeps with a/b/c!7 https://forge.example/a/b/pull/7 a/b/c!7",
            Command(verb=Verb.WITH, options=(("changes", "a/b/c!7,https://forge.example/a/b/pull/7"),)),
        ),
        ("/revdeps ok", Command(verb=Verb.OK)),
        ("/revdeps ok @A1B2C3D", Command(verb=Verb.OK, sha="a1b2c3d")),
        ("/revdeps revoke", Command(verb=Verb.REVOKE)),
        (
            "/revdeps waive a until=2030-01-31 — known upstream",
            Command(verb=Verb.WAIVE, packages=("a",), options=(("until", "2030-01-31"),), text="known upstream"),
        ),
        ("/revdeps unwaive a", Command(verb=Verb.UNWAIVE, packages=("a",))),
    ],
)
def test_a_line_becomes_the_command_it_names(line, command):
    assert parse([line]) == (command,)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/revdeps retyr a", "There is no command `retyr`. Did you mean `retry`? `/revdeps help` lists them all."),
        ("/revdeps approve", "There is no command `approve`. Did you mean `ok`? `/revdeps help` lists them all."),
        ("/revdeps xyzzy", "There is no command `xyzzy`. `/revdeps help` lists them all."),
        ("/revdeps why", "`why` takes one package. Write `/revdeps why PKG`."),
        ("/revdeps why a b", "`why` takes one package. Write `/revdeps why PKG`."),
        ("/revdeps rebuild", "Which package? Write `/revdeps rebuild PKG…`."),
        ("/revdeps status a", "`status` takes no package; `a` was not expected. Write `/revdeps status`."),
        ("/revdeps retry a;b", "`a;b` is no package name. Write `/revdeps retry [PKG…]`."),
        ("/revdeps retry @a1b2c3d", "`retry` takes no commit. Write `/revdeps retry [PKG…]`."),
        ("/revdeps ok @main", "`@main` is no commit: 7 to 64 hexadecimal digits after the `@` were expected."),
        ("/revdeps run limit=0", "`limit=0`: a number from 1 to 999999 was expected."),
        ("/revdeps run target=a/b", "`target=a/b`: the name of a target was expected."),
        ("/revdeps run depth=deep", "`depth=deep`: `direct`, `transitive` or a number was expected."),
        ("/revdeps run limit=1 limit=2", "`limit=` stands twice in one command; which of them is meant?"),
        (
            "/revdeps run limits=5",
            "`run` has no option `limits`. Did you mean `limit`? "
            "Write `/revdeps run [limit=N] [target=NAME] [depth=direct|transitive|N]`.",
        ),
        ("/revdeps priority a", "A package and a number are needed. Write `/revdeps priority PKG… N`."),
        ("/revdeps priority a b", "A package and a number are needed. Write `/revdeps priority PKG… N`."),
        ("/revdeps with", "With which pull request? Write `/revdeps with OWNER/REPO#N…`."),
        ("/revdeps with libfoo", "`libfoo` is no pull request. Write `/revdeps with OWNER/REPO#N…`."),
        (
            f"/revdeps with {' '.join(f'octocat/libfoo#{n}' for n in range(1, 7))}",
            "`with` takes at most 5 other pull requests.",
        ),
        ("/revdeps waive a", "A reason is needed after `--`. Write `/revdeps waive PKG… [until=DATE] -- REASON`."),
        ("/revdeps waive a until=soon -- b", "`until=soon`: a date such as `2030-01-31` was expected."),
    ],
)
def test_what_cannot_be_understood_is_answered(line, answer):
    assert parse([line]) == (Mistake(line=line, answer=answer),)


def test_a_command_with_too_many_names_is_answered():
    (mistake,) = parse(["/revdeps skip " + " ".join(f"p{n}" for n in range(MAX_PACKAGES + 1))])
    assert isinstance(mistake, Mistake)
    assert "A command takes 200 names" in mistake.answer


@pytest.mark.parametrize(
    "line", ["", "talk", "see /revdeps run", "/revdeps-run", "/revdepsx", "`/revdeps run`", "- /revdeps"]
)
def test_talk_asks_for_nothing(line):
    assert parse([line]) == ()


def test_several_commands_run_in_the_order_in_which_they_stand():
    found = parse(["/revdeps skip a", "because it is broken", "/revdeps oops", "/revdeps retry"])
    assert [type(each) for each in found] == [Command, Mistake, Command]


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["retry a", "retry a"], ["retry a"]),
        (["retry a", "retry b", "retry a"], ["retry a", "retry b"]),
        (["cancel", "run", "cancel"], ["cancel", "run", "cancel"]),
        (["bogus", "bogus"], ["bogus"]),
    ],
)
def test_the_same_again_runs_once_unless_something_else_was_asked_for_in_between(lines, kept):
    written = [f"/revdeps {line}" for line in lines]
    assert without_repetitions(parse(written)) == parse([f"/revdeps {line}" for line in kept])


def test_commands_beyond_the_bound_are_refused_in_words():
    found = parse(["/revdeps status"] * (MAX_COMMANDS + 5))
    assert len(found) == MAX_COMMANDS + 1
    assert isinstance(found[-1], Mistake)
    assert "nothing was done" in found[-1].answer


@pytest.mark.parametrize(
    "line",
    [
        "/revdeps retry a b -- again",
        "/revdeps run limit=5 depth=2",
        "/revdeps priority a b 7",
        "/revdeps with octocat/foo#7 octocat/bar#8",
        "/revdeps waive a until=2030-01-31 -- known upstream",
        "/revdeps ok @a1b2c3d",
        "/revdeps status",
    ],
)
def test_a_command_reads_back_as_it_was_written(line):
    assert [str(each) for each in parse([line])] == [line]


VERBS = st.sampled_from([verb.value for verb in Verb])
ARGUMENTS = [
    "a",
    "b*",
    "7",
    "limit=5",
    "until=2030-01-31",
    "depth=direct",
    "@a1b2c3d",
    "octocat/foo#7",
    "--",
    "`x`",
    "a,b",
]
LINES = st.one_of(
    st.tuples(VERBS, st.lists(st.sampled_from(ARGUMENTS), max_size=4)).map(lambda line: " ".join([line[0], *line[1]])),
    st.text(max_size=80),
)


@given(LINES)
def test_whatever_is_written_is_a_command_that_reads_back_or_a_short_answer(words):
    found = parse([f"/revdeps {words}"])
    assert len(found) == 1
    if isinstance(found[0], Command):
        assert parse([str(found[0])]) == found
    else:
        assert 0 < len(found[0].answer) < 600


def test_options_are_read_as_what_they_mean():
    (command,) = parse(["/revdeps run limit=5 depth=2"])
    assert isinstance(command, Command)
    assert (command.limit, command.depth, command.option("target")) == (5, Depth(levels=2), None)
    assert (Command(verb=Verb.RUN).limit, Command(verb=Verb.RUN).depth) == (None, None)


RUN = ("python-flask", "python-jinja2", "python-mako", "ruby", "ruby-a")


@pytest.mark.parametrize(
    ("globs", "meant"),
    [
        (["ruby"], ("ruby",)),
        (["python-m*", "ruby"], ("python-mako", "ruby")),
        (["python-jin"], ("python-jinja2",)),
        (["ruby*", "ruby-a"], ("ruby", "ruby-a")),
        ([], ()),
    ],
)
def test_globs_and_beginnings_stand_for_packages_of_the_run(globs, meant):
    assert expand(globs, RUN) == (meant, ())


@pytest.mark.parametrize(
    ("glob", "answer"),
    [
        ("python-flaks", "`python-flaks` is none of this run's packages. Did you mean `python-flask`?"),
        ("jinja2", "`jinja2` is none of this run's packages. Did you mean `python-jinja2`?"),
        ("zz*", "`zz*` is none of this run's packages."),
    ],
)
def test_an_unknown_package_gets_a_suggestion(glob, answer):
    assert expand([glob, "ruby"], RUN) == (("ruby",), (Mistake(line=glob, answer=answer),))


def test_whoever_names_hundreds_wrongly_gets_a_few_suggestions():
    _, mistakes = expand([f"rubi{number}" for number in range(200)], RUN)
    assert ["Did you mean" in mistake.answer for mistake in mistakes] == [True] * 5 + [False] * 195


STATUS = Command(verb=Verb.STATUS)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("\ufeff/revdeps status", STATUS),
        ("\u200b/rev\u200bdeps sta\u2060tus\u200b", STATUS),
        ("\u202e/revdeps status\u202c", STATUS),
        ("\u200f/revdeps status", STATUS),
        ("/revdeps\u00a0status", STATUS),
        ("/revdeps\u3000status\r", STATUS),
        ("/revdeps waive a -- \u202eknown\u202c", Command(verb=Verb.WAIVE, packages=("a",), text="known")),
        ("/revdeps waive a -- 既知の不具合", Command(verb=Verb.WAIVE, packages=("a",), text="既知の不具合")),
    ],
)
def test_what_cannot_be_seen_changes_nothing(line, command):
    assert parse([line]) == (command,)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/revdeps st\u0430tus", "Did you mean `status`?"),
        ("/revdeps why b\u0430r", "is no package name"),
        ("/revdeps why ba\ufffdr", "is no package name"),
        ("/revdeps waive a until=\u0662\u0660\u0663\u0660-01-31 -- known", "a date such as"),
        ("/revdeps run limit=\u0665", "a number from 1"),
        ("/revdeps ok @\uff41\uff41\uff41\uff41\uff41\uff41\uff41", "is no commit"),
        ("/revdeps " + "x" * 60_000, "There is no command"),
        ("/revdeps why " + "x" * 60_000, "is no package name"),
        ("/revdeps help " + "a" * 60_000, "takes no package"),
    ],
)
def test_letters_that_look_alike_are_others_and_long_words_are_answered_shortly(line, answer):
    (mistake,) = parse([line])
    assert isinstance(mistake, Mistake)
    assert answer in mistake.answer
    assert len(mistake.answer) < 400


@pytest.mark.parametrize(
    "line", ["\u2215revdeps status", "/r\u0435vdeps status", "/revdeps-status", "\ufffd/revdeps status"]
)
def test_what_only_looks_like_a_command_is_talk(line):
    assert parse([line]) == ()


def test_the_beginning_of_several_packages_stands_for_none():
    meant, (mistake,) = expand(["python-"], RUN)
    assert meant == ()
    assert "none of this run's packages. Did you mean" in mistake.answer


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "`a`"), ("`<b>@x\n\x1b[31m", "`<b>@x  [31m`"), ("", "(nothing)"), ("x" * 61, "`" + "x" * 59 + "…`")],
)
def test_quoted_text_can_do_no_harm(text, shown):
    assert quoted(text) == shown


def test_suggestions_are_at_most_three():
    assert did_you_mean("aaa", ["aaa1", "aaa2", "aaa3", "aaa4"]).count("`") == 6


@pytest.mark.parametrize(
    ("button", "verb"),
    [(RETRY_FAILED, Verb.RETRY), (CANCEL_RUN, Verb.CANCEL), (APPROVE, Verb.OK), (REFRESH_BASELINE, Verb.BASELINE)],
)
def test_a_button_ends_in_the_command_for_its_commit(button, verb):
    assert command_for_button(button.identifier, "a1b2c3d") == Command(verb=verb, sha="a1b2c3d")
    assert len(button.label) <= 20
    assert len(button.description) <= 40
    assert len(button.identifier) <= 20


def test_a_button_of_somebody_else_is_no_command():
    assert command_for_button("deploy", "a1b2c3d") is None


def test_every_verb_has_a_usage_and_no_synonym_hides_a_verb():
    assert set(USAGES) == set(Verb)
    assert not set(SYNONYMS) & {verb.value for verb in Verb}


@pytest.mark.parametrize(("text", "levels"), [("direct", 1), ("transitive", None), ("3", 3)])
def test_a_depth_is_a_word_or_a_number(text, levels):
    assert str(Depth.parse(text)) == text
    assert Depth.parse(text) == Depth(levels=levels)


@pytest.mark.parametrize("text", ["", "0", "100", "-1", "two", "1.5"])
def test_anything_else_is_no_depth(text):
    with pytest.raises(ValueError, match="not a depth"):
        Depth.parse(text)
