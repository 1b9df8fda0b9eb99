"""One named update for every human command, so that each shows by its name in the Temporal UI.

The updates are made from the registry of commands: declaring a command is all it takes to be able to send it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from changes.commands import Command
    from changes.decision import HUMAN_COMMANDS
    from changes.instruction import Instruction, Receipt

Shell = TypeVar("Shell", bound=type)


def takes_every_command(shell: Shell) -> Shell:
    """Give ``shell`` an update for each human command, all answered by its ``apply`` method."""
    for kind, command in HUMAN_COMMANDS.items():
        setattr(shell, f"update_{kind}", _update(kind, command, shell))
    return shell


def _update(kind: str, command: type[Command], shell: type) -> Callable[..., Awaitable[Receipt]]:
    async def handler(self: Any, command: Command, instruction: Instruction) -> Receipt:
        answer: Receipt = await self.apply(command, instruction)
        return answer

    handler.__name__ = f"update_{kind}"
    handler.__qualname__ = f"{shell.__name__}.update_{kind}"
    handler.__doc__ = command.__doc__
    handler.__annotations__ = {"command": command, "instruction": Instruction, "return": Receipt}
    as_update: Any = workflow.update(name=kind, description=command.button)
    made: Callable[..., Awaitable[Receipt]] = as_update(handler)
    return made
