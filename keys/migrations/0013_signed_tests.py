import django.db.models.deletion
import django.utils.timezone
import keys.models.signed_test
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0012_webhooks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="publickey",
            name="proven_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="SignedTest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.CharField(
                        default=keys.models.signed_test.new_signed_test_id,
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                ("sealed", models.BinaryField(null=True)),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("leased_until", models.DateTimeField(null=True)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("ticket_hash", models.CharField(blank=True, max_length=64)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, max_length=32)),
                ("stages", models.JSONField(default=list)),
                ("http_status", models.PositiveSmallIntegerField(null=True)),
                ("said", models.TextField(blank=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="signed_tests",
                        to="keys.key",
                    ),
                ),
                (
                    "public_key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="signed_tests",
                        to="keys.publickey",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("finished_at", None)),
                        fields=["asked_at"],
                        name="signed_test_waiting",
                    )
                ],
            },
        ),
    ]
