"""What an environment's token service signs with."""

from django.db import models
from django.utils import timezone

from environments.models import Environment


class SigningKey(models.Model):
    """What an environment's token service signs with; the private half is sealed to the token service."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="signing_keys")
    serial = models.PositiveIntegerField()
    kid = models.CharField(max_length=64, unique=True)
    algorithm = models.CharField(max_length=8, default="ES256")
    public_jwk = models.JSONField()
    sealed = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)
    signs_from = models.DateTimeField(default=timezone.now)
    verifies_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "serial"], name="signing_key_serial_per_environment"
            )
        ]

    def __str__(self) -> str:
        return self.kid
