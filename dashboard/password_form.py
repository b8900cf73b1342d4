"""allauth's form for signing in, in the words of this site."""

from typing import Any

from allauth.account.forms import LoginForm


class PasswordForm(LoginForm):  # type: ignore[misc]  # allauth ships no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stay = self.fields["remember"]
        stay.label = "Stay signed in in this browser"
        stay.help_text = "Else you are signed out when it is closed."
