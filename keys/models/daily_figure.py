"""What is kept of tests older than a year: figures of each day."""

from django.db import models


class DailyFigure(models.Model):
    """The tests of one key on one day (UTC), folded into counts and times."""

    key = models.ForeignKey("keys.Key", models.CASCADE, related_name="daily_figures")
    day = models.DateField()
    worked = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    """The credential was at fault."""
    unjudged = models.PositiveIntegerField(default=0)
    """Endpoint, network or worker were at fault, or it was cancelled."""
    median_ms = models.FloatField(null=True)
    longest_ms = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "day"], name="one_figure_per_key_and_day")
        ]

    def __str__(self) -> str:
        return f"{self.key_id} on {self.day}"
