import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0020_deletion"),
    ]

    operations = [
        migrations.CreateModel(
            name="DailyLetter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.PositiveSmallIntegerField(default=8)),
                ("sent_at", models.DateTimeField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="NoticeChoice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "topic",
                    models.CharField(
                        choices=[
                            ("security", "Security"),
                            ("trouble", "Trouble with keys, and its end"),
                            ("endings", "Expiries, and rotations that are due"),
                            ("asked", "Requests that wait for your word"),
                            ("answers", "Answers to your requests, and bulk work that is done"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "by_mail",
                    models.CharField(
                        choices=[
                            ("now", "At once"),
                            ("daily", "In the daily letter"),
                            ("never", "Not at all"),
                        ],
                        max_length=5,
                    ),
                ),
                ("in_app", models.BooleanField()),
            ],
        ),
        migrations.RemoveIndex(
            model_name="notice",
            name="notice_unsent",
        ),
        migrations.AddField(
            model_name="notice",
            name="by_mail",
            field=models.CharField(
                choices=[
                    ("now", "At once"),
                    ("daily", "In the daily letter"),
                    ("never", "Not at all"),
                ],
                db_default="now",
                default="now",
                max_length=5,
            ),
        ),
        migrations.AddField(
            model_name="notice",
            name="in_app",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name="notice",
            name="topic",
            field=models.CharField(
                choices=[
                    ("security", "Security"),
                    ("trouble", "Trouble with keys, and its end"),
                    ("endings", "Expiries, and rotations that are due"),
                    ("asked", "Requests that wait for your word"),
                    ("answers", "Answers to your requests, and bulk work that is done"),
                ],
                db_default="trouble",
                default="trouble",
                max_length=8,
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("by_mail", "now"), ("given_up_at", None), ("mailed_at", None)),
                fields=["not_before"],
                name="notice_unsent",
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(
                    ("by_mail", "daily"), ("given_up_at", None), ("mailed_at", None)
                ),
                fields=["user", "at"],
                name="notice_for_daily_letter",
            ),
        ),
        migrations.AddField(
            model_name="dailyletter",
            name="user",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="daily_letter",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="noticechoice",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notice_choices",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="dailyletter",
            constraint=models.CheckConstraint(
                condition=models.Q(("hour__lt", 24)), name="hour_of_a_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="noticechoice",
            constraint=models.UniqueConstraint(
                fields=("user", "topic"), name="one_choice_per_topic"
            ),
        ),
        migrations.AddConstraint(
            model_name="noticechoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("topic", "security"), _negated=True),
                name="security_is_always_told",
            ),
        ),
    ]
