"""What the demo shows of a comment."""

from demo.screen import as_markdown


def test_a_terminal_gets_no_html() -> None:
    folded = "<details><summary>1 with <code>a</code></summary>\n\n`b`<br>c\n\n</details>"
    comment = f"<!-- revdeps:v1 run=1 -->\n### Two\n\n{folded}"
    assert as_markdown(comment) == "### Two\n\n**▾ 1 with `a`**\n\n\n`b` c"
