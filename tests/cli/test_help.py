"""The help of every command: what it does, and how it is typed, before its options."""

from collections.abc import Iterator

import click
import pytest

from gateway.cli import main


def commands(
    group: click.Group, words: tuple[str, ...] = ("tollhouse",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


COMMANDS = dict(commands(main))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_shows_how_it_is_typed(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    example = " ".join(words)
    text = command.get_help(click.Context(command, info_name=words[-1]))
    typed = [line.strip() for line in text.splitlines() if line.strip().startswith(example)]
    assert typed, f"no line of the help begins with {example}"
    assert text.index(typed[0]) < text.index("Options:")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_says_what_it_is_for(words: tuple[str, ...]) -> None:
    options = [one for one in COMMANDS[words].params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help] == []
