from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0004_policy"),
    ]

    operations = [
        migrations.AddField(
            model_name="environment",
            name="redox_doors",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
