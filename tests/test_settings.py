"""Settings: a configured value wins, and production refuses everything that belongs to the demonstration."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings import DEMONSTRATION_KEY, Settings, SettingsWrong, load_settings

SERIOUS = {
    "GROUNDSWELL_MODE": "production",
    "DATABASE_URL": "postgresql://groundswell:secret@db/groundswell",
    "GROUNDSWELL_PUBLIC_URL": "https://changes.example",
    "GROUNDSWELL_SMTP_URL": "smtp+starttls://mail.example:587",
    "GROUNDSWELL_MAIL_SENDER": "Groundswell <changes@company.example>",
    "GROUNDSWELL_ACTOR_KEY": "0123456789abcdef0123456789abcdef",
    "GROUNDSWELL_LEDGER_KEY_FILE": "/run/secrets/ledger-key",
    "GROUNDSWELL_LEDGER_CHECKPOINTS": "https://witness.example/groundswell",
}


@pytest.fixture
def serious(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that production starts with."""
    for name, value in SERIOUS.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_production_starts_with_serious_settings(serious: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert not settings.demonstration
    assert settings.secure_cookies
    assert settings.actor_secret() == SERIOUS["GROUNDSWELL_ACTOR_KEY"].encode()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GROUNDSWELL_ACTOR_KEY", DEMONSTRATION_KEY, "the demonstration's key"),
        ("GROUNDSWELL_ACTOR_KEY", "short", "shorter than 32 characters"),
        ("GROUNDSWELL_ACTOR_KEY", None, "GROUNDSWELL_ACTOR_KEY_FILE"),
        ("DATABASE_URL", "sqlite:///demo.db", "PostgreSQL"),
        ("GROUNDSWELL_PUBLIC_URL", "http://changes.example", "https://"),
        ("GROUNDSWELL_SMTP_URL", None, "GROUNDSWELL_SMTP_URL"),
        ("GROUNDSWELL_MAIL_SENDER", None, "GROUNDSWELL_MAIL_SENDER is the demonstration's"),
        ("GROUNDSWELL_LEDGER_KEY_FILE", None, "GROUNDSWELL_LEDGER_KEY_FILE"),
        ("GROUNDSWELL_LEDGER_KEY_FILE", "", "GROUNDSWELL_LEDGER_KEY_FILE"),
        ("GROUNDSWELL_LEDGER_CHECKPOINTS", None, "GROUNDSWELL_LEDGER_CHECKPOINTS"),
        ("GROUNDSWELL_MAIL_FOLDER", "/var/mail/caught", "belongs to the demonstration"),
    ],
)
def test_production_refuses_what_belongs_to_the_demonstration(
    serious: pytest.MonkeyPatch, name: str, value: str | None, words: str
) -> None:
    if value is None:
        serious.delenv(name)
    else:
        serious.setenv(name, value)
    with pytest.raises(SettingsWrong) as refused:
        load_settings()
    assert "Production mode refuses to start" in str(refused.value)
    assert words in str(refused.value)


def test_a_key_file_wins_and_an_unreadable_one_is_named(serious: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("f" * 40 + "\n")
    serious.setenv("GROUNDSWELL_ACTOR_KEY_FILE", str(file))
    assert load_settings().actor_secret() == b"f" * 40
    serious.setenv("GROUNDSWELL_ACTOR_KEY_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsWrong, match="cannot be read"):
        load_settings()


def test_a_key_file_that_changes_counts_from_the_next_start_on(serious: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now, before = tmp_path / "now", tmp_path / "before"
    now.write_text("n" * 40)
    before.write_text("b" * 40 + "\n")
    serious.setenv("GROUNDSWELL_ACTOR_KEY_FILE", str(now))
    serious.setenv("GROUNDSWELL_EARLIER_ACTOR_KEY_FILE", str(before))
    running = load_settings()
    now.unlink()
    before.unlink()
    assert (running.actor_secret(), running.earlier_actor_secrets()) == (b"n" * 40, (b"b" * 40,))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "GROUNDSWELL_EARLIER_ACTOR_KEY_FILE cannot be read"),
        ("", "GROUNDSWELL_EARLIER_ACTOR_KEY_FILE holds a key shorter than 32 characters"),
        ("short", "GROUNDSWELL_EARLIER_ACTOR_KEY_FILE holds a key shorter than 32 characters"),
    ],
)
@pytest.mark.parametrize("mode", ["demo", "production"])
def test_an_earlier_key_that_is_none_is_refused(
    serious: pytest.MonkeyPatch, tmp_path: Path, mode: str, content: str | None, words: str
) -> None:
    file = tmp_path / "before"
    if content is not None:
        file.write_text(content)
    serious.setenv("GROUNDSWELL_MODE", mode)
    serious.setenv("GROUNDSWELL_EARLIER_ACTOR_KEY_FILE", str(file))
    with pytest.raises(SettingsWrong, match=words):
        load_settings()


def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDSWELL_METRICS_PORT", "ninety")
    with pytest.raises(SettingsWrong, match="GROUNDSWELL_METRICS_PORT"):
        load_settings()


def test_what_is_set_to_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = [
        str(one.validation_alias or f"GROUNDSWELL_{name.upper()}") for name, one in Settings.model_fields.items()
    ]
    for variable in variables:
        monkeypatch.delenv(variable, raising=False)
    plain = load_settings()
    for variable in variables:
        monkeypatch.setenv(variable, "")
    assert load_settings() == plain


def test_what_is_no_json_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDSWELL_OIDC_ROLE_GROUPS", "audit-team=auditor")
    with pytest.raises(SettingsWrong, match="GROUNDSWELL_OIDC_ROLE_GROUPS is not JSON"):
        load_settings()


def test_secrets_do_not_show() -> None:
    settings = Settings(actor_key="a very secret key that nobody may see")  # type: ignore[arg-type]
    assert "secret key" not in repr(settings)
