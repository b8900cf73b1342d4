from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0020_deletion"),
        ("keys", "0017_list_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="key",
            name="key_by_team",
        ),
        migrations.AddIndex(
            model_name="key",
            index=models.Index(fields=["environment", "team", "deleted_at"], name="key_of_team"),
        ),
        migrations.AddIndex(
            model_name="key",
            index=models.Index(
                condition=models.Q(("deleted_at", None), ("disabled_at__isnull", False)),
                fields=["environment"],
                name="key_disabled",
            ),
        ),
        migrations.AddIndex(
            model_name="publickey",
            index=models.Index(
                condition=models.Q(
                    ("revoked_at", None), models.Q(("expires_at", None), _negated=True)
                ),
                fields=["expires_at"],
                name="public_key_ending",
            ),
        ),
    ]
