from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0014_who_pressed"),
    ]

    operations = [
        migrations.AddField(
            model_name="key",
            name="short_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="key",
            name="short_told_at",
            field=models.DateTimeField(null=True),
        ),
    ]
