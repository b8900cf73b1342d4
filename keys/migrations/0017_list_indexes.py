from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0019_team_archived"),
        ("keys", "0016_death"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="key",
            name="key_by_name",
        ),
        migrations.AddIndex(
            model_name="key",
            index=models.Index(fields=["environment", "deleted_at", "name"], name="key_listed"),
        ),
        migrations.AddIndex(
            model_name="key",
            index=models.Index(fields=["environment", "team"], name="key_by_team"),
        ),
        migrations.AddIndex(
            model_name="key",
            index=models.Index(
                condition=models.Q(
                    ("deleted_at", None), ("disabled_at", None), ("failing_since__isnull", False)
                ),
                fields=["environment", "failing_since"],
                name="key_failing",
            ),
        ),
    ]
