"""The only door to Label Studio: client, media, label configs, codecs, projects."""
