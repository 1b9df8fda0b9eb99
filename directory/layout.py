"""The files a directory travels in, and their columns; import and export share them."""

from __future__ import annotations

PEOPLE = "people.csv"
TEAMS = "teams.csv"
PROCESSES = "processes.csv"
FILES = (PEOPLE, TEAMS, PROCESSES)
"""In the order in which problems are told."""

COLUMNS = {
    PEOPLE: (
        "id",
        "name",
        "email",
        "manager",
        "team",
        "other_teams",
        "title",
        "roles",
        "site",
        "active",
        "away_until",
        "open_to_invitations",
    ),
    TEAMS: ("id", "name", "parent"),
    PROCESSES: ("id", "name", "owner", "depends_on"),
}
"""The columns of each file in the order they are written. They may be read in any order."""

OPTIONAL = {
    PEOPLE: frozenset({"other_teams", "title", "roles", "site", "active", "away_until", "open_to_invitations"}),
    TEAMS: frozenset[str](),
    PROCESSES: frozenset[str](),
}
"""The columns a file may leave out."""
