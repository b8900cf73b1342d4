from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0013_log_work"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="log_kept",
            field=models.DurationField(blank=True, null=True),
        ),
    ]
