"""What the token service did for a key, hour by hour."""

from django.db import models


class HourOfUse(models.Model):
    """So many tokens, or refusals for one reason, by one proof from one address in one hour (UTC)."""

    # Without a constraint: what a server noted is written a second later, and the key may be gone by then.
    key = models.ForeignKey(
        "keys.Key", models.CASCADE, related_name="hours_of_use", db_constraint=False
    )
    proof = models.CharField(max_length=40, blank=True)
    """Public id of the secret or public key; empty where none was right."""
    reason = models.CharField(max_length=20, blank=True)
    """Why it was refused; empty: a token was bought."""
    address = models.CharField(max_length=45, blank=True)
    """Empty: one of too many to be told apart."""
    hour = models.DateTimeField()
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "hour", "proof", "reason", "address"], name="one_count_per_hour"
            )
        ]
        indexes = [models.Index(fields=["hour"], name="hour_of_use_by_age")]

    def __str__(self) -> str:
        return f"{self.count} at {self.hour:%Y-%m-%d %H}"
