"""Faults of mail servers, in words without anything that stands in a mail."""

from __future__ import annotations

from appliance.errors import ApplianceFault


class MailServerFault(ApplianceFault):
    """A mail server cannot be reached, refuses the login, or broke off. Mail stays where it is, and is tried again."""

    code = "mail_server"
    transient = True
