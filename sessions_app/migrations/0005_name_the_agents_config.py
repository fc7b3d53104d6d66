from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('sessions_app', '0004_turn_order'),
    ]

    operations = [
        migrations.RenameField(model_name='agentlease', old_name='brief', new_name='config'),
    ]
