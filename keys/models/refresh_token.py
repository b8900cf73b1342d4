"""What a client of the legacy door asks its next access token with."""

from django.db import models


class RefreshToken(models.Model):
    """The hash of a refresh token: reusable until it ends, and dead with the secret that made it."""

    secret = models.ForeignKey("keys.Secret", models.CASCADE, related_name="+")
    mark = models.BinaryField(max_length=32, unique=True)
    """SHA-256 of 256 random bits."""
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return bytes(self.mark).hex()
