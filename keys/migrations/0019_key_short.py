from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0022_data_export"),
        ("keys", "0018_overview_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="key",
            index=models.Index(
                condition=models.Q(("short_since__isnull", False)),
                fields=["environment"],
                name="key_short",
            ),
        ),
    ]
