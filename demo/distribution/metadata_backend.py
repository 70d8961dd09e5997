"""Stands in for setuptools while `pip download` fetches source distributions.

pip asks the build backend of a source distribution for its metadata even when nothing is to be built: that would run
code of every project, outside the sandbox, and fetch their build requirements first. A released one carries metadata in
PKG-INFO, so the hooks of PEP 517 are answered from there. `demo.sources` puts this file where pip finds it as
`setuptools.build_meta`; nothing else imports it.
"""

from email.parser import HeaderParser
from pathlib import Path
from typing import Any


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Ask for nothing: nothing is built."""
    del config_settings
    return []


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Any = None) -> str:
    """Write a .dist-info with the PKG-INFO of the current directory and return its name (PEP 517)."""
    del config_settings
    text = Path("PKG-INFO").read_text(encoding="utf-8")
    fields = HeaderParser().parsestr(text)
    name = f"{fields['Name'].replace('-', '_')}-{fields['Version']}.dist-info"
    directory = Path(metadata_directory, name)
    directory.mkdir()
    (directory / "METADATA").write_text(text, encoding="utf-8")
    return name


__legacy__ = __import__("sys").modules[__name__]
