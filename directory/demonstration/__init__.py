"""Nordwind Fahrradwerke, the demonstration organisation: an invented maker and retailer of bicycles, 42 people.

Three departments (Customer Care, Operations and Workshop, Finance and Billing) and the management's office, on two
sites. Nobody in it is real; the mail domain ``nordwind.example`` is reserved (RFC 2606) and reaches nobody.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
"""The folder with people.csv, teams.csv and processes.csv."""

PERSONAS = {
    "employee": "mara.lind",
    "manager": "jonas.okafor",
    "champion": "priya.nair",
    "executive": "ingrid.halvorsen",
    "auditor": "arjun.mehta",
    "steward": "amara.diallo",
    "administrator": "kenji.watanabe",
}
"""Who plays which part in the demonstration. The employee works in Service Desk and reports to the manager, who leads
it; the champion works in Returns and Warranty, which the owner of ``returns`` leads."""
