import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0005_public_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="key",
            name="legacy_door",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="key",
            name="redox_door",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name="RefreshToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("mark", models.BinaryField(max_length=32, unique=True)),
                ("expires_at", models.DateTimeField(db_index=True)),
                (
                    "secret",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="keys.secret",
                    ),
                ),
            ],
        ),
    ]
