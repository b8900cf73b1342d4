import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0015_scope_short"),
    ]

    operations = [
        migrations.AlterField(
            model_name="credentialtest",
            name="reason",
            field=models.CharField(
                choices=[
                    ("schedule", "Schedule"),
                    ("person", "A person"),
                    ("created", "New secret"),
                    ("proof", "Rotation: does the new one work"),
                    ("death", "Is the ended one refused"),
                    ("batch", "Bulk test"),
                ],
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="Death",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("next_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("signed_at", models.DateTimeField(null=True)),
                ("alarmed_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "refused_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="keys.credentialtest",
                    ),
                ),
                (
                    "secret",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="death",
                        to="keys.secret",
                    ),
                ),
                (
                    "signed_with",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="keys.publickey",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("closed_at", None)),
                        fields=["next_at"],
                        name="death_due",
                    )
                ],
            },
        ),
    ]
