from django.db import migrations


class Migration(migrations.Migration):
    """The triggers that it installed speak of floors now, and are installed once that table is there."""

    dependencies = [("environments", "0001_initial")]
    operations = []
