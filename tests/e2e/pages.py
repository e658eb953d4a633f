"""What stands on top of a page of docs/remote-shell/, for tests to use as users do: with this build's paths for the installed ones."""
import os
import re
import shlex
import string

from harness import RCLIENT, read_file

PROGRAMS = os.path.dirname(RCLIENT)  # rclient and rclient-ssh
COMPAT = os.path.join(PROGRAMS, "compat")
PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/remote-shell")
PATHS = {"/usr/local/lib/farhand/compat": COMPAT, "/usr/local/bin": PROGRAMS}


def top_block(page, kind):
    """The text of the first code block of docs/remote-shell/PAGE.md, which says that it is KIND (sh, ini)."""
    text = read_file(os.path.join(PAGES, page + ".md")).decode()
    found = re.search(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found and found[1] == kind, (page, found and found[0])
    block = found[2]
    for installed, built in PATHS.items():
        block = block.replace(installed, built)
    assert "/usr/" not in block, block
    return block


def path():
    """As if rclient were installed: it is found by its name."""
    return PROGRAMS + os.pathsep + os.environ["PATH"]


def exported(page):
    """{name: value} of the `export NAME=VALUE` on top of the page."""
    word, setting = shlex.split(top_block(page, "sh"))
    name, value = setting.split("=", 1)
    assert word == "export", word
    return {name: string.Template(value).substitute(PATH=path())}
