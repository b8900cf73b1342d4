"""What owners type about the policy of an environment."""

from datetime import timedelta
from typing import Any

from django import forms

from environments.policy import MOST_APPROVALS, Act
from environments.services.policies import SIGNING_ALGORITHMS, Policy

APPROVALS = [f"approvals_{act}" for act in Act]


def _count(label: str, least: int, most: int, **more: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=least,
        max_value=most,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        **more,
    )


def _approvals(label: str, who: str, more: str = "") -> forms.IntegerField:
    return _count(
        label,
        0,
        MOST_APPROVALS,
        help_text=f"So many {who} must approve it first, besides whoever asks. 0: nobody is asked.{more}",
    )


class PolicyForm(forms.Form):
    """What owners set for an environment, in whole days, hours and minutes."""

    max_age_days = _count(
        "Maximum age of a secret, in days",
        1,
        3650,
        required=False,
        help_text="Before a secret is so old, its rotation is prepared and its keepers are asked. Nothing is cut. "
        "An expiry may not lie beyond it. Empty: no maximum.",
    )
    expiry_required = forms.BooleanField(
        label="Every key must expire",
        required=False,
        help_text="New keys need a date, and a date cannot be taken away. Keys without one keep working.",
    )
    grace_default_hours = _count(
        "Usual grace period, in hours",
        1,
        2160,
        help_text="So long both secrets work when nobody chooses otherwise.",
    )
    grace_max_hours = _count(
        "Longest grace period, in hours",
        1,
        2160,
        help_text="At most 2,160 hours, which are 90 days.",
    )
    test_interval_minutes = _count(
        "Test every key every so many minutes",
        1,
        1440,
        help_text="From every minute to once a day (1440).",
    )
    idle_days = _count(
        "Idle warning after so many days",
        1,
        3650,
        required=False,
        help_text="A key unused for so long is pointed out in the lists. Empty: never.",
    )
    signing_algorithm = forms.ChoiceField(
        label="Tokens are signed by",
        choices=[(name, name) for name in SIGNING_ALGORITHMS],
        help_text="ES256 is quick and known everywhere. A new signing key is published an hour before it signs, and "
        "every 30 days; no token is refused meanwhile.",
    )
    redox_doors = forms.BooleanField(
        label="Keys may use the doors for clients of Redox",
        required=False,
        help_text="Looser than the token endpoint, for clients that cannot be changed. Each key opens its own doors; "
        "without this none is open.",
    )

    approvals_create = _approvals("Making a key", "engineers")
    approvals_rotate = _approvals("Rotating a secret, adding a public key", "engineers")
    approvals_delete = _approvals(
        "Deleting a key", "engineers", " In production it takes one at least, whatever you set."
    )
    approvals_roles = _approvals(
        "Giving a role",
        "owners",
        " Taking one away never waits. The strictest environment counts for roles of the organization.",
    )
    approvals_policy = _approvals("Changing this policy", "owners")

    @classmethod
    def showing(cls, policy: Policy) -> "PolicyForm":
        days, hours, minutes = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
        initial = {
            "max_age_days": policy.secret_max_age and policy.secret_max_age // days,
            "expiry_required": policy.expiry_required,
            "grace_default_hours": policy.grace_default // hours,
            "grace_max_hours": policy.grace_max // hours,
            "test_interval_minutes": policy.test_interval // minutes,
            "idle_days": policy.idle_after and policy.idle_after // days,
            "signing_algorithm": policy.signing_algorithm,
            "redox_doors": policy.redox_doors,
            **{f"approvals_{act}": policy.approvals_for(act) for act in Act},
        }
        return cls(initial=initial)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        usual, longest = cleaned.get("grace_default_hours"), cleaned.get("grace_max_hours")
        if usual and longest and usual > longest:
            self.add_error("grace_default_hours", "Choose at most the longest grace period.")
        return cleaned

    @property
    def policy(self) -> Policy:
        said = self.cleaned_data
        age, idle = said["max_age_days"], said["idle_days"]
        return Policy(
            secret_max_age=timedelta(days=age) if age else None,
            grace_default=timedelta(hours=said["grace_default_hours"]),
            grace_max=timedelta(hours=said["grace_max_hours"]),
            expiry_required=said["expiry_required"],
            test_interval=timedelta(minutes=said["test_interval_minutes"]),
            idle_after=timedelta(days=idle) if idle else None,
            signing_algorithm=said["signing_algorithm"],
            redox_doors=said["redox_doors"],
            **{name: said[name] for name in APPROVALS},
        )
