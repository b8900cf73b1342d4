"""Access tokens that ended before their time."""

from django.db import models


class RevokedToken(models.Model):
    """The `jti` of an access token that its client gave back (RFC 7009); kept until the token has ended anyway."""

    jti = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.jti
