from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0008_session"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="second_factor_from",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
