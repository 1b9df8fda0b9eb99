"""Where mail would leave, said in plain words where the settings are wrong."""

from __future__ import annotations

from pydantic import ValidationError

from notifications.smtp import MailSettings
from settings import Settings, SettingsWrong


def mail_of(settings: Settings) -> MailSettings:
    """Where mail leaves.

    Raises:
        SettingsWrong: no mail server is named, or it is not written as one.
    """
    if not settings.smtp_url:
        raise SettingsWrong(
            "GROUNDSWELL_SMTP_URL is not set, so no letter could leave. Set it to a mail server, such as "
            "smtp://mail.company.example:25. `make demo` brings a mail catcher of its own."
        )
    try:
        return MailSettings(url=settings.smtp_url, sender=settings.mail_sender)
    except ValidationError as error:
        named = {"url": "GROUNDSWELL_SMTP_URL", "sender": "GROUNDSWELL_MAIL_SENDER"}
        found = error.errors()[0]
        words = found["msg"].removeprefix("Value error, ")
        raise SettingsWrong(f"{named.get(str(found['loc'][0]), 'The mail settings')}: {words}") from error
