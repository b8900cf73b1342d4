"""The outside hosts that credentials are tested at; locking a host's row orders those who claim its tests."""

from django.db import models


class ProviderHost(models.Model):
    name = models.CharField(max_length=255, unique=True)
    not_before = models.DateTimeField(null=True)
    """It asked for patience: so long the clock's tests stay away. What a person waits for does not."""

    def __str__(self) -> str:
        return self.name
