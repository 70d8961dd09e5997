import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.markdown import plain_lines
from bot.domain.commands import parse


def commands(body):
    return [str(command) for command in parse(plain_lines(body))]


RUN = ["/revdeps run"]


@pytest.mark.parametrize(
    "body",
    [
        "/revdeps run",
        "   /revdeps run",
        "Thanks!\n/revdeps run\nlet us see",
        "Thanks!  \r\n/revdeps run\r\n",
        "> said before\n\n/revdeps run",
        "- fixed\n/revdeps run",
        "- fixed\n\n  /revdeps run",
        "/revdeps run\n---\noctocat",
        "/revdeps run\n--\noctocat",
        "```\n/revdeps status\n```\n/revdeps run",
        "<!-- /revdeps status -->\n\n/revdeps run",
        "/revdeps run <!-- please -->",
    ],
)
def test_a_line_in_the_writers_own_words_is_a_command(body):
    assert commands(body) == RUN


@pytest.mark.parametrize(
    "body",
    [
        "",
        "please /revdeps run",
        "> /revdeps run",
        "> said\n/revdeps run",
        "> > /revdeps run",
        "- item\n  > /revdeps run",
        "    /revdeps run",
        "\t/revdeps run",
        "```\n/revdeps run\n```",
        "~~~ text\n/revdeps run\n~~~",
        "```\n/revdeps run",
        "`/revdeps run`",
        "``a\n/revdeps run\nb``",
        "<!-- /revdeps run -->",
        "<!--\n/revdeps run\n-->",
        "text <!-- a\n/revdeps run\n--> text",
        "<!-- a --> /revdeps run",
        "<details>\n/revdeps run\n</details>",
        "<pre>\n\n/revdeps run\n</pre>",
        "<b>/revdeps run</b>",
        "**/revdeps run**",
        "[/revdeps run](https://example.org)",
        "![/revdeps run](https://example.org)",
        '[a](b "\n/revdeps run\n")',
        "<https://example.org>/revdeps run",
        "- /revdeps run",
        "1. /revdeps run",
        "# /revdeps run",
    ],
)
def test_quotes_code_and_hidden_text_do_nothing(body):
    assert commands(body) == []


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("/revdeps retry *foo*", "/revdeps retry *foo*"),
        ("/revdeps skip __a__b", "/revdeps skip"),
        ("/revdeps retry `python-jinja2`", "/revdeps retry python-jinja2"),
        ("/revdeps retry python\\-\\*", "/revdeps retry python-*"),
        ("/revdeps retry [ab]*", "/revdeps retry [ab]*"),
    ],
)
def test_globs_survive_markdown(body, line):
    if line == "/revdeps skip":
        assert plain_lines(body) == [body]
    else:
        assert commands(body) == [line]


def test_the_end_of_a_quote_ends_the_silence():
    assert commands("> a\n\n/revdeps run\n\n> b\n\n/revdeps status") == ["/revdeps run", "/revdeps status"]


WORDS = st.text(st.sampled_from("ab`*_<>[]()!-#~\\& \n"), max_size=30)


@given(before=WORDS, after=WORDS)
def test_a_quoted_command_does_nothing_whatever_stands_around_it(before, after):
    body = "\n".join("> " + line for line in f"{before}\n/revdeps run\n{after}".splitlines())
    assert commands(body) == []


@given(text=WORDS)
def test_a_command_in_a_code_block_does_nothing_whatever_stands_in_it(text):
    inner = text.replace("~", "")
    assert commands(f"~~~\n{inner}\n/revdeps run\n{inner}\n~~~") == []


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(body):
    assert all("\n" not in line for line in plain_lines(body))


@pytest.mark.parametrize("unit", ["> ", "- ", "`", "*a_", "[", "![", "<!--", "<a ", "\\", "&", "((((", "[a](", "~~~\n"])
def test_a_comment_made_to_be_slow_is_read_in_bounded_time(unit):
    body = unit * (65_536 // len(unit))
    assert isinstance(plain_lines(body + "\n\n/revdeps run"), list)
