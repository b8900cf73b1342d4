import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0009_jti_is_the_key"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="publickey",
            name="vanished_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="KeySet",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("url", models.CharField(max_length=500)),
                ("algorithm", models.CharField(blank=True, max_length=8)),
                ("expires_at", models.DateTimeField(null=True)),
                ("set_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("asked_at", models.DateTimeField(null=True)),
                ("next_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("leased_until", models.DateTimeField(null=True)),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("worker", models.CharField(blank=True, max_length=80)),
                ("started_at", models.DateTimeField(null=True)),
                ("fetched_at", models.DateTimeField(null=True)),
                ("read_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, max_length=32)),
                ("http_status", models.PositiveSmallIntegerField(null=True)),
                ("stages", models.JSONField(default=list)),
                ("left_out", models.JSONField(default=list)),
                ("failing_since", models.DateTimeField(null=True)),
                ("told_at", models.DateTimeField(null=True)),
                ("missed_at", models.DateTimeField(null=True)),
                ("hurried", models.PositiveSmallIntegerField(default=0)),
                ("counted_from", models.DateTimeField(null=True)),
                ("misses", models.BigIntegerField(default=0)),
                (
                    "key",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="key_set",
                        to="keys.key",
                    ),
                ),
                (
                    "set_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
