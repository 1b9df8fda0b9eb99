"""The command line: puts its modules together, and turns every failure into plain words and an exit code."""

from __future__ import annotations

import sys

import typer

from commandline import (
    account,
    audit,
    changes,
    demonstration,
    mail_choices,
    organisation,
    policy,
    programs,
    standing_in,
    tokens,
    webhooks,
)
from commandline.giving import EveryCommand
from commandline.output import complain
from temporal.leaving import leave

EXIT_CODES = (
    "Exit codes: 0 done, 1 failed or refused, 2 the command or a setting is wrong, "
    "3 something needed is not there, 130 interrupted."
)

app = typer.Typer(
    name="groundswell",
    help="Groundswell: governed change from the people who do the work.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_here = "Try it here"
app.command(rich_help_panel=_here)(demonstration.demo)
app.command(rich_help_panel=_here)(demonstration.tour)
app.command(rich_help_panel=_here)(demonstration.reset)
app.command(rich_help_panel=_here)(demonstration.doctor)

_changes = "Work with changes"
app.command("sign-in", rich_help_panel=_changes)(account.sign_in)
app.command("sign-in-link", rich_help_panel=_changes)(account.sign_in_link)
app.command(rich_help_panel=_changes)(account.whoami)
app.command("sign-out", rich_help_panel=_changes)(account.sign_out)
app.add_typer(changes.app, name="changes", rich_help_panel=_changes)
app.add_typer(
    typer.Typer(cls=EveryCommand, no_args_is_help=True),
    name="do",
    help="Give a command: groundswell do endorse CH-3 --note fine",
    rich_help_panel=_changes,
)
app.command(rich_help_panel=_changes)(standing_in.together)
app.add_typer(standing_in.app, name="standing-in", rich_help_panel=_changes)
app.add_typer(mail_choices.app, name="mail", rich_help_panel=_changes)

_operate = "Run an installation"
app.command(rich_help_panel=_operate)(programs.migrate)
app.command(rich_help_panel=_operate)(programs.web)
app.command(rich_help_panel=_operate)(programs.worker)
app.add_typer(audit.app, name="audit", rich_help_panel=_operate)
app.add_typer(organisation.directory_app, name="directory", rich_help_panel=_operate)
app.add_typer(policy.policy_app, name="policy", rich_help_panel=_operate)
app.add_typer(tokens.app, name="token", rich_help_panel=_operate)
app.add_typer(webhooks.app, name="webhooks", rich_help_panel=_operate)


def main() -> None:
    """Run the command that was typed, and end with its exit code."""
    try:
        app()
    except Exception as error:
        from commandline.failures import explained  # knows the failures of every room, and costs time to load

        explanation = explained(error)
        complain(explanation.text)
        sys.exit(explanation.code)


def program() -> None:
    """The same as a program of its own, which ends here."""
    try:
        main()
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):  # words, which the interpreter prints
            raise
        leave(ended.code or 0)
    leave(0)


if __name__ == "__main__":
    program()
